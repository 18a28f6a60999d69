// SPDX-License-Identifier: GPL-2.0
/*
 * A simulated PWM chip with two channels. The pulse length in nanoseconds is
 * in /sys/module/pwm_sim/parameters/pulse{0,1}_ns. It is 0 while the channel
 * sends no pulses. It stays readable after the holder of the channel exits.
 */
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/pwm.h>
#include <linux/version.h>

static unsigned long long pulse_ns[2];
module_param_named(pulse0_ns, pulse_ns[0], ullong, 0444);
module_param_named(pulse1_ns, pulse_ns[1], ullong, 0444);

static struct platform_device *pdev;

static int pwm_sim_apply(struct pwm_chip *chip, struct pwm_device *pwm,
			 const struct pwm_state *state)
{
	WRITE_ONCE(pulse_ns[pwm->hwpwm], state->enabled ? state->duty_cycle : 0);
	return 0;
}

static const struct pwm_ops pwm_sim_ops = {
	.apply = pwm_sim_apply,
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	.owner = THIS_MODULE,
#endif
};

static struct pwm_chip *chip;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
static struct pwm_chip chip_memory;
#endif

static int __init pwm_sim_init(void)
{
	int ret;

	pdev = platform_device_register_simple("pwm-sim", -1, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
	chip = &chip_memory;
	chip->dev = &pdev->dev;
	chip->npwm = ARRAY_SIZE(pulse_ns);
#else
	chip = pwmchip_alloc(&pdev->dev, ARRAY_SIZE(pulse_ns), 0);
	if (IS_ERR(chip)) {
		platform_device_unregister(pdev);
		return PTR_ERR(chip);
	}
#endif
	chip->ops = &pwm_sim_ops;
	ret = pwmchip_add(chip);
	if (ret) {
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
		pwmchip_put(chip);
#endif
		platform_device_unregister(pdev);
	}
	return ret;
}

static void __exit pwm_sim_exit(void)
{
	pwmchip_remove(chip);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	pwmchip_put(chip);
#endif
	platform_device_unregister(pdev);
}

module_init(pwm_sim_init);
module_exit(pwm_sim_exit);
MODULE_DESCRIPTION("simulated PWM chip");
MODULE_LICENSE("GPL");
