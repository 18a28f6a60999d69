from training.config import Config, Phase

CONFIG = Config(
    name="waste12",
    model="efficientnet_lite0",
    phases=(
        Phase("head", epochs=1, size=160, learning_rate=2e-3, trainable="head"),
        Phase("small", epochs=12, size=160, learning_rate=3e-4),
        Phase("full", epochs=12, size=224, learning_rate=2e-4),
    ),
    views=(1.0, 0.75),
)
