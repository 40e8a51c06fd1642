"""Learning from teachers: the student comes to answer as they do, goes on after a stop, and refuses the wrong ones."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from mien.errors import RunError
from mien.learning.distillation import Teachers, distillation_loss
from mien.learning.recipe import Augmentation, Distillation, Optimisation, Recipe
from mien.learning.runs import load_network, read_record
from mien.learning.training import Execution, split_training, train
from training_samples import faces_to_learn

CPU = Execution(accelerator="cpu")

TEACHER = Recipe(
    "mien_m",
    epochs=6,
    target="votes+labels",
    batch=16,
    validation=0.2,
    precision="32-true",
    options={"stem": 8, "stages": [[8, 1], [16, 1]]},
    optimisation=Optimisation("adam", learning_rate=0.01),
)
STUDENT = replace(TEACHER, epochs=3, seed=1, distillation=Distillation(weight=1.0, temperature=2.0))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    run = tmp_path_factory.mktemp("runs") / "teacher"
    train(faces_to_learn(), TEACHER, run, execution=CPU)
    return run


def distance(run: Path, teacher: Path) -> float:
    """Mean distance of the labels' probabilities that two runs give to the same faces."""
    views = torch.from_numpy(faces_to_learn().pixels)[:, None].float()
    with torch.no_grad():
        ours, theirs = (load_network(each).network(views).labels.softmax(dim=1) for each in (run, teacher))
    return float((ours - theirs).abs().sum(dim=1).mean())


def test_the_loss_is_least_at_the_teacher_s_own_answer() -> None:
    taught = torch.tensor([[2.0, 0.5, -1.0]])
    moved = taught.clone().requires_grad_()
    (slope,) = torch.autograd.grad(distillation_loss(moved, taught, temperature=3.0), moved)
    assert torch.allclose(slope, torch.zeros_like(slope), atol=1e-6)
    assert distillation_loss(taught, taught, temperature=3.0) < distillation_loss(-taught, taught, temperature=3.0)


def test_the_gradient_keeps_its_size_at_any_temperature() -> None:
    taught = torch.tensor([[0.02, 0.0, -0.02]])
    sizes = []
    for temperature in (1.0, 4.0):
        logits = torch.zeros_like(taught, requires_grad=True)
        (slope,) = torch.autograd.grad(distillation_loss(logits, taught, temperature=temperature), logits)
        sizes.append(float(slope.norm()))
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)


def test_a_student_comes_to_answer_as_its_teacher(teacher: Path, tmp_path: Path) -> None:
    short = replace(STUDENT, epochs=1, optimisation=Optimisation("adam", learning_rate=1e-9))
    train(faces_to_learn(), short, tmp_path / "untaught", execution=CPU)
    train(faces_to_learn(), replace(STUDENT, epochs=8), tmp_path / "taught", teachers=[teacher], execution=CPU)
    assert distance(tmp_path / "taught", teacher) < 0.5 * distance(tmp_path / "untaught", teacher)
    assert [entry["run"] for entry in read_record(tmp_path / "taught")["teachers"]] == ["teacher"]


def test_a_student_sees_small_views_and_its_teacher_the_whole(teacher: Path, tmp_path: Path) -> None:
    small = replace(STUDENT, small_share=0.7, small_px=24)
    assert train(faces_to_learn(), small, tmp_path / "run", teachers=[teacher], execution=CPU).stopped is None


def test_a_teacher_sees_the_view_in_focus_and_without_noise(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []
    answer = Teachers.answer

    def watched(self: Teachers, views: torch.Tensor, *, seed: int) -> Mapping[str, torch.Tensor]:
        seen.append(views.clone())
        return answer(self, views, seed=seed)

    monkeypatch.setattr(Teachers, "answer", watched)
    for run, augmentation in (("clear", Augmentation()), ("spoiled", Augmentation(sharpness=1.0, noise=0.5))):
        recipe = replace(STUDENT, epochs=1, augmentation=augmentation)
        train(faces_to_learn(), recipe, tmp_path / run, teachers=[teacher], execution=CPU)
    clear, spoiled = seen[: len(seen) // 2], seen[len(seen) // 2 :]
    assert all(map(torch.equal, clear, spoiled))
    ours, theirs = (load_network(tmp_path / run).network.state_dict() for run in ("clear", "spoiled"))
    assert not all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_compiled_student_and_teacher_learn_the_same(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a GPU, but without its code being made: the graphs are traced and run as they are.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    for run, execution in (("plain", CPU), ("compiled", replace(CPU, compiled=True))):
        train(faces_to_learn(), replace(STUDENT, epochs=1), tmp_path / run, teachers=[teacher], execution=execution)
    plain, compiled = (load_network(tmp_path / run).network.state_dict() for run in ("plain", "compiled"))
    assert plain.keys() == compiled.keys()
    assert all(torch.allclose(plain[name], compiled[name], atol=1e-5) for name in plain)


def test_an_interrupted_student_goes_on_to_the_same_weights(teacher: Path, tmp_path: Path) -> None:
    def stop(epoch: int, _: object) -> None:
        if epoch == 1:
            raise KeyboardInterrupt

    train(faces_to_learn(), STUDENT, tmp_path / "unbroken", teachers=[teacher, teacher], execution=CPU)
    with pytest.raises(KeyboardInterrupt):
        train(faces_to_learn(), STUDENT, tmp_path / "broken", teachers=[teacher, teacher], execution=CPU, on_epoch=stop)
    with pytest.raises(RunError, match="other teachers"):
        train(faces_to_learn(), STUDENT, tmp_path / "broken", resume=True, execution=CPU)
    train(faces_to_learn(), STUDENT, tmp_path / "broken", teachers=[teacher, teacher], resume=True, execution=CPU)
    ours, theirs = (load_network(tmp_path / name).network.state_dict() for name in ("broken", "unbroken"))
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (replace(STUDENT, target="labels"), "same questions"),
        (replace(STUDENT, view_px=40), "same questions"),
        (replace(STUDENT, split_seed=5), "kept other rows aside"),
    ],
)
def test_a_teacher_of_another_kind_is_refused(changed: Recipe, says: str, teacher: Path) -> None:
    _, choose = split_training(faces_to_learn(), changed)
    with pytest.raises(RunError, match=says):
        Teachers([teacher], changed, choose)
