from training.config import AugmentConfig, Config, Phase

# Strong changes to the end leave the network short of what it could tell apart: they grow milder.
MIDDLE = AugmentConfig(
    mild=0.35, scale=(0.5, 1.6), occlusion=0.15, background=0.25, blur=0.25, jpeg=0.3, mixup=0.2, cutmix=0.1
)
GENTLE = AugmentConfig(
    mild=0.5, scale=(0.55, 1.5), occlusion=0.1, background=0.25, blur=0.2, jpeg=0.2, mixup=0.1, cutmix=0.0
)

CONFIG = Config(
    name="waste12",
    model="efficientnet_lite0",
    phases=(
        Phase("head", epochs=1, size=160, learning_rate=2e-3, trainable="head", augment=MIDDLE),
        Phase("small", epochs=5, size=160, learning_rate=3e-4, augment=MIDDLE),
        Phase("middle", epochs=5, size=192, learning_rate=2.5e-4, augment=MIDDLE),
        Phase("full", epochs=4, size=224, learning_rate=1.5e-4, augment=GENTLE),
    ),
    class_power=0.4,
    group_cap=60,
    source_power=0.8,
    views=(1.0, 0.75),
)
