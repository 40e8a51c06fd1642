"""Every network against the counts its source publishes, layer by layer."""

import pytest
import torch
from torch import nn

from mien.errors import RecipeError
from mien.learning.networks.registry import NETWORKS, build_network, count_parameters
from mien.learning.networks.two_heads import TwoHeads

# Total and trainable, as Keras counts; the first four rows, vgg13 and mini-xception are published.
COUNTS = {
    "pesamaa_elu": (7_831_815, 7_827_719),
    "miele_cnn": (2_137_991, 2_134_407),
    "study_cnn": (2_732_807, 2_731_911),
    "study_cnn_deep": (1_838_215, 1_836_231),
    "vgg13_ferplus": (8_757_704, 8_757_704),
    "mini_xception": (58_423, 56_951),
    "gap_cnn": (1_557_255, 1_555_335),
    "resnet18_48": (11_186_001, 11_176_401),
    "vgg_gap": (4_698_705, 4_694_865),
    "mien_l": (3_983_601, 3_978_961),
    "mien_m": (1_761_201, 1_758_449),
    "mien_s": (1_206_801, 1_204_497),
}
TWO_HEADED = {"mien_l", "mien_m", "mien_s", "resnet18_48", "vgg_gap"}

# Convolutions and dense layers with their biases, in order; batch normalisations stand apart, by channels.
WEIGHTED_LAYERS = {
    "pesamaa_elu": [5_120, 1_179_904, 295_040, 147_584, 295_168, 1_180_160, 4_718_848, 1_799],
    "miele_cnn": [2_560, 590_080, 295_040, 147_584, 73_792, 36_928, 819_712, 131_328, 32_896, 903],
    "study_cnn": [640, 73_856, 295_168, 2_359_552, 1_799],
    "study_cnn_deep": [320, 18_496, 73_856, 295_168, 1_180_160, 262_656, 3_591],
    "gap_cnn": [640, 73_856, 295_168, 1_180_160, 3_591],
    "vgg13_ferplus": [
        *(640, 36_928, 73_856, 147_584, 295_168, 590_080, 590_080, 590_080, 590_080, 590_080),
        *(4_195_328, 1_049_600, 8_200),
    ],
    "mini_xception": [
        *(72, 576),
        *(128, 72, 128, 144, 256),
        *(512, 144, 512, 288, 1_024),
        *(2_048, 288, 2_048, 576, 4_096),
        *(8_192, 576, 8_192, 1_152, 16_384),
        8_071,
    ],
    "vgg_gap": [576, 36_864, 73_728, 147_456, 294_912, 589_824, 1_179_648, 2_359_296, 5_130, 3_591],
    "mien_l": [
        *(288, 23_040, 57_600, 57_600, 115_200, 230_400, 230_400, 230_400),
        *(368_640, 589_824, 589_824, 589_824, 884_736, 3_850, 2_695),
    ],
    "mien_m": [
        *(288, 18_432, 36_864, 73_728, 147_456, 147_456),
        *(221_184, 331_776, 331_776, 442_368, 2_570, 1_799),
    ],
    "mien_s": [
        *(288, 18_432, 36_864, 55_296, 82_944, 82_944),
        *(138_240, 230_400, 230_400, 322_560, 2_250, 1_575),
    ],
    "resnet18_48": [
        *(576, 36_864, 36_864, 36_864, 36_864),
        *(73_728, 147_456, 8_192, 147_456, 147_456),
        *(294_912, 589_824, 32_768, 589_824, 589_824),
        *(1_179_648, 2_359_296, 131_072, 2_359_296, 2_359_296),
        *(5_130, 3_591),
    ],
}
BATCH_NORM_CHANNELS = {
    "pesamaa_elu": [512, 256, 128, 128, 256, 512, 256],
    "miele_cnn": [256, 256, 128, 128, 64, 64, 512, 256, 128],
    "study_cnn": [64, 128, 256],
    "study_cnn_deep": [32, 64, 128, 256, 512],
    "gap_cnn": [64, 128, 256, 512],
    "vgg13_ferplus": [],
    "mini_xception": [8, 8, *(16,) * 3, *(32,) * 3, *(64,) * 3, *(128,) * 3],
    "vgg_gap": [64, 64, 128, 128, 256, 256, 512, 512],
    "mien_l": [32, *(80,) * 3, *(160,) * 4, *(256,) * 4, 384],
    "mien_m": [32, 64, 64, 128, 128, 128, 192, 192, 192, 256],
    "mien_s": [32, 64, 64, 96, 96, 96, 160, 160, 160, 224],
    "resnet18_48": [64, *(64,) * 4, *(128,) * 5, *(256,) * 5, *(512,) * 5],
}


def new_network(name: str) -> nn.Module:
    outputs = None if name in TWO_HEADED else 8 if name == "vgg13_ferplus" else 7
    return build_network(name, outputs=outputs, side_px=side_px(name), options={})


def side_px(name: str) -> int:
    return 64 if name == "vgg13_ferplus" else 48


def test_every_network_is_counted() -> None:
    assert set(COUNTS) == set(WEIGHTED_LAYERS) == set(BATCH_NORM_CHANNELS) == set(NETWORKS)


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_the_published_ones_layer_by_layer(name: str) -> None:
    network = new_network(name)
    assert count_parameters(network) == COUNTS[name]
    weighted = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    # A shortcut stands before or after its block's convolutions, as its class likes: compare without the order there.
    counts = [sum(p.numel() for p in m.parameters()) for m in weighted]
    in_order = name not in {"mini_xception", "resnet18_48"}
    assert counts == WEIGHTED_LAYERS[name] if in_order else sorted(counts) == sorted(WEIGHTED_LAYERS[name])
    norms = [m.num_features for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert norms == BATCH_NORM_CHANNELS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_answers_one_row_per_face_and_learns(name: str) -> None:
    torch.manual_seed(0)
    network = new_network(name)
    answer = network(torch.rand(2, 1, side_px(name), side_px(name)) * 255)
    if name in TWO_HEADED:
        assert isinstance(answer, TwoHeads)
        assert answer.votes.shape == (2, 10)
        assert answer.labels.shape == (2, 7)
        total = answer.votes.square().sum() + answer.labels.square().sum()
    else:
        assert answer.shape == (2, 8 if name == "vgg13_ferplus" else 7)
        total = answer.square().sum()
    names, parameters = zip(*network.named_parameters(), strict=True)
    for parameter_name, gradient in zip(names, torch.autograd.grad(total, parameters), strict=True):
        assert torch.isfinite(gradient).all(), parameter_name
        assert gradient.abs().sum() > 0, parameter_name


def test_a_two_headed_network_can_have_one_head() -> None:
    network = build_network("mien_s", outputs=5, side_px=48, options={}).eval()
    assert network(torch.rand(3, 1, 48, 48)).shape == (3, 5)


def test_options_reach_the_network() -> None:
    network = build_network("study_cnn", outputs=7, side_px=48, options={"activation": "elu", "dropout": 0})
    assert any(isinstance(m, nn.ELU) for m in network.modules())
    gap = build_network("gap_cnn", outputs=7, side_px=48, options={"widths": [8, 16]})
    assert [m.out_channels for m in gap.modules() if isinstance(m, nn.Conv2d)] == [8, 16]


@pytest.mark.parametrize(
    ("name", "outputs", "options", "message"),
    [
        ("alexnet", 7, {}, "network must be one of gap_cnn"),
        ("study_cnn", None, {}, "votes\\+labels needs a network with two heads"),
        ("study_cnn", 7, {"width": 3}, "study_cnn has no option 'width': it has activation, dropout"),
        ("study_cnn", 7, {"dropout": "much"}, "options.dropout of study_cnn must be of the kind of its default 0.5"),
        ("study_cnn", 7, {"dropout": True}, "options.dropout"),
        ("study_cnn", 7, {"activation": "tanh"}, "activation must be one of elu, leaky_relu, relu, got 'tanh'"),
    ],
)
def test_what_cannot_be_built_says_why(
    name: str, outputs: int | None, options: dict[str, object], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        build_network(name, outputs=outputs, side_px=48, options=options)
