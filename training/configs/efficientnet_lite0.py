from training.config import Config, Phase

CONFIG = Config(
    name="waste12",
    model="efficientnet_lite0",
    phases=(
        Phase("head", epochs=1, size=160, learning_rate=2e-3, trainable="head"),
        Phase("small", epochs=11, size=160, learning_rate=3e-4),
        Phase("full", epochs=6, size=224, learning_rate=2e-4),
    ),
    group_cap=24,
    source_power=0.5,
    views=(1.0, 0.75),
)
