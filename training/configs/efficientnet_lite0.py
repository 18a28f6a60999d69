from training.config import AugmentConfig, Config, Phase, Sampling

# Strong changes to the end leave the network short of what it could tell apart: they grow milder. So does the
# sampling: at first no class and no series counts for much more than another, in the end nearly as they are.
# A strange camera shows smaller items before other grounds than the sets do: the last phase has more of both.
MIDDLE = AugmentConfig(
    mild=0.35, scale=(0.5, 1.6), occlusion=0.15, background=0.25, blur=0.25, jpeg=0.3, mixup=0.2, cutmix=0.1
)
GENTLE = AugmentConfig(
    mild=0.5, scale=(0.55, 1.5), occlusion=0.1, background=0.25, blur=0.2, jpeg=0.2, mixup=0.1, cutmix=0.0
)
FAR = AugmentConfig(
    mild=0.35, scale=(0.35, 1.5), occlusion=0.15, background=0.35, blur=0.25, jpeg=0.3, mixup=0.2, cutmix=0.1
)
AS_THEY_ARE = Sampling(class_power=0.5, group_cap=0, source_power=0.8)
EVEN = Sampling(class_power=0.3, group_cap=0, source_power=0.5)

CONFIG = Config(
    name="efficientnet_lite0",
    model="efficientnet_lite0",
    phases=(
        Phase("head", epochs=1, size=160, learning_rate=2e-3, trainable="head"),
        Phase("small", epochs=3, size=160, learning_rate=2e-4),
        Phase("full", epochs=4, size=224, learning_rate=2e-4),
        Phase("middle", 3, 192, 2e-4, trainable="top", augment=MIDDLE, sampling=AS_THEY_ARE),
        Phase("gentle", 4, 224, 1.5e-4, trainable="top", augment=GENTLE, sampling=AS_THEY_ARE),
        Phase("last", 6, 224, 1.5e-4, trainable="top", augment=GENTLE, sampling=AS_THEY_ARE),
        # Two ways on: one fits the pictures at home better, one keeps more of what strange cameras show.
        Phase("longer", 10, 224, 2e-4, trainable="top", augment=GENTLE, sampling=AS_THEY_ARE),
        Phase("other", 8, 224, 2e-4, "top", augment=MIDDLE, sampling=EVEN, begins_at="last"),
        Phase("larger", 7, 256, 2e-4, "top", augment=FAR, sampling=EVEN),
    ),
    average=("last", "longer", "other", "larger"),
    # More than it was trained at: cropped and zoomed, items look larger in training than in the bin.
    # Source: Touvron et al., Fixing the train-test resolution discrepancy, 2019, https://arxiv.org/abs/1906.06423.
    # Not 256: its last map is 8x8, and a mean over an even count is rounded otherwise on arm64 than on x64.
    input_size=272,
    # All from the sixth block on: what is before it changes little any more, and is a third of a step.
    top_layers=41,
    augment=AugmentConfig(mixup=0.25, cutmix=0.0),
    views=(1.0, 0.9),
)
