from training.config import AugmentConfig, Config, Phase, Sampling

# Strong augmentation to the end would cost accuracy, so later phases use milder augmentation.
# Sampling changes too. At first classes and series count almost equally, later almost by their real shares.
# A new camera shows smaller items and other backgrounds than the data sets. The last phase has more of both.
MIDDLE = AugmentConfig(
    mild=0.35, scale=(0.5, 1.6), occlusion=0.15, background=0.25, blur=0.25, jpeg=0.3, mixup=0.2, cutmix=0.1
)
GENTLE = AugmentConfig(
    mild=0.5, scale=(0.55, 1.5), occlusion=0.1, background=0.25, blur=0.2, jpeg=0.2, mixup=0.1, cutmix=0.0
)
DISTANT = AugmentConfig(
    mild=0.35, scale=(0.35, 1.5), occlusion=0.15, background=0.35, blur=0.25, jpeg=0.3, mixup=0.2, cutmix=0.1
)
NEAR_REAL = Sampling(class_power=0.5, group_cap=0, source_power=0.8)
BALANCED = Sampling(class_power=0.3, group_cap=0, source_power=0.5)

CONFIG = Config(
    name="efficientnet_lite0",
    model="efficientnet_lite0",
    phases=(
        Phase("head", epochs=1, size=160, learning_rate=2e-3, trainable="head"),
        Phase("small", epochs=3, size=160, learning_rate=2e-4),
        Phase("full", epochs=4, size=224, learning_rate=2e-4),
        Phase("middle", 3, 192, 2e-4, trainable="top", augment=MIDDLE, sampling=NEAR_REAL),
        Phase("gentle", 4, 224, 1.5e-4, trainable="top", augment=GENTLE, sampling=NEAR_REAL),
        Phase("last", 6, 224, 1.5e-4, trainable="top", augment=GENTLE, sampling=NEAR_REAL),
        # Two continuations: `longer` fits the in-domain images better, the others suit new cameras better.
        Phase("longer", 10, 224, 2e-4, trainable="top", augment=GENTLE, sampling=NEAR_REAL),
        Phase("other", 8, 224, 2e-4, "top", augment=MIDDLE, sampling=BALANCED, begins_at="last"),
        Phase("larger", 7, 256, 2e-4, "top", augment=DISTANT, sampling=BALANCED),
    ),
    average=("last", "longer", "other", "larger"),
    # Larger than in training: random crops and zoom make items look larger in training than in the bin.
    # Source: Touvron et al., Fixing the train-test resolution discrepancy, 2019,
    # https://arxiv.org/abs/1906.06423. Not 256: the last map would be 8x8. arm64 and x64 round a mean over
    # an even count differently.
    input_size=272,
    # All layers from the sixth block on. Earlier blocks change little, and take a third of a step's time.
    top_layers=41,
    augment=AugmentConfig(mixup=0.25, cutmix=0.0),
    views=(1.0, 0.9),
)
