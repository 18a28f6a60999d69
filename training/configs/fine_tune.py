from dataclasses import replace

from training.config import Phase
from training.configs.efficientnet_lite0 import CONFIG as RELEASED
from training.configs.efficientnet_lite0 import EVEN, GENTLE

CONFIG = replace(
    RELEASED,
    name="fine_tune",
    phases=(
        Phase("head", 2, 224, 5e-4, trainable="head", augment=GENTLE, sampling=EVEN),
        Phase("onward", 6, 224, 1.5e-4, trainable="top", augment=GENTLE, sampling=EVEN),
    ),
    # Half way: what the weights it began at know of other cameras is kept.
    # Source: Wortsman et al., Robust fine-tuning of zero-shot models, 2022, https://arxiv.org/abs/2109.01903.
    average=("head", "onward"),
)
