from dataclasses import replace

from training.config import Phase
from training.configs.efficientnet_lite0 import BALANCED, GENTLE
from training.configs.efficientnet_lite0 import CONFIG as RELEASED

CONFIG = replace(
    RELEASED,
    name="fine_tune",
    phases=(
        Phase("head", 2, 224, 5e-4, trainable="head", augment=GENTLE, sampling=BALANCED),
        Phase("onward", 6, 224, 1.5e-4, trainable="top", augment=GENTLE, sampling=BALANCED),
    ),
    # The mean is half way between start and end. It keeps the start weights robust to other cameras.
    # Source: Wortsman et al., Robust fine-tuning of zero-shot models, 2022, https://arxiv.org/abs/2109.01903.
    average=("head", "onward"),
)
