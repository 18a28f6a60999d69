from training.config import AugmentConfig, Config, Phase, Sampling

CONFIG = Config(
    name="mobilenet_v2_hybrid",
    model="mobilenet_v2_hybrid",
    phases=(
        Phase("warm-up", epochs=20, size=224, learning_rate=1e-3, trainable="head", patience=5),
        Phase("partial", epochs=20, size=224, learning_rate=1e-4, trainable="top", patience=5),
        Phase("full", epochs=20, size=224, learning_rate=1e-5, trainable="all", patience=5),
    ),
    optimizer="adam",
    schedule="plateau",
    dropout=0.5,
    label_smoothing=0.0,
    ema=0.0,
    sampling=Sampling(class_power=1.0),
    target_accuracy=0.99,
    # The augmentation of the original notebook: flip, rotation and zoom, in training only.
    augment=AugmentConfig(
        mild=0.0,
        scale=(0.8, 1.25),
        aspect=(1.0, 1.0),
        rotation=36.0,
        exposure=(0.0, 0.0),
        cast=0.0,
        blur=0.0,
        noise=0.0,
        jpeg=0.0,
        occlusion=0.0,
        background=0.0,
        mixup=0.0,
        cutmix=0.0,
    ),
)
