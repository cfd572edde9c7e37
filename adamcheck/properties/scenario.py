"""What a run asks of a target, in a phrase: for those who are told that it failed there."""

from __future__ import annotations

from adamcheck.targets.protocol import Trajectory


def scenario(trajectory: Trajectory) -> str:
    """Shapes, steps, hyperparameters, and all that is not as usual."""
    shapes = [theta.shape for theta in trajectory.theta0]
    one = f"a parameter of shape {shapes[0]}" if shapes else "no parameter"
    many = f"{len(shapes)} parameters of shapes {', '.join(map(str, shapes[:3]))}"
    parts = [one if len(shapes) < 2 else many + (" …" if len(shapes) > 3 else "")]
    parts += [f"{trajectory.steps} steps", *sorted(trajectory.flags)]
    parts += [f"{name} {value:.6g}" for name, value in trajectory.hyper.items()]
    for name in ("theta_layout", "grad_layout"):
        if (layout := getattr(trajectory, name)) != "C":
            parts.append(f"{name} {layout}")
    if trajectory.preload is not None:
        parts.append(f"a state of {int(trajectory.preload[0]['t'])} steps loaded")
    if trajectory.reload_after is not None:
        parts.append(
            f"saved and loaded ({trajectory.receiver}) after step {trajectory.reload_after}"
        )
    parts += ["gradients missing"] if trajectory.present is not None else []
    parts += ["other instances beside it"] if trajectory.twin else []
    return ", ".join(parts)
