from training.config import Config, Phase

CONFIG = Config(
    name="smoke",
    model="efficientnet_lite0",
    phases=(Phase("all", epochs=2, size=96, learning_rate=1e-3),),
    batch=8,
    input_size=96,
    steps_per_epoch=4,
    ema=0.5,
    dropout=0.0,
    views=(1.0, 0.75),
)
