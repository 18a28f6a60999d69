from training.config import AugmentConfig, Config, Phase

# Strong changes to the end leave the network short of what it could tell apart: the last phase is milder.
GENTLE = AugmentConfig(
    mild=0.5,
    scale=(0.55, 1.5),
    occlusion=0.1,
    background=0.25,
    blur=0.2,
    jpeg=0.2,
    mixup=0.1,
    cutmix=0.0,
)

CONFIG = Config(
    name="waste12",
    model="efficientnet_lite0",
    phases=(
        Phase("head", epochs=1, size=160, learning_rate=2e-3, trainable="head"),
        Phase("small", epochs=11, size=160, learning_rate=3e-4),
        Phase("full", epochs=4, size=224, learning_rate=2e-4),
        Phase("settle", epochs=6, size=224, learning_rate=1.5e-4, augment=GENTLE),
    ),
    group_cap=24,
    source_power=0.6,
    views=(1.0, 0.75),
)
