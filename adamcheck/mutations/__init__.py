"""Programs changed by one drawn edit, and honest orders of them: what the gate is graded on.

``apply(program, edit)`` changes a program; ``sample`` draws an edit, ``neighbours`` lists them;
``evaluate`` runs any program on arrays; ``target`` makes one run like anybody's optimizer.
"""

from __future__ import annotations

from adamcheck.mutations.apply import apply
from adamcheck.mutations.edits import Edit, Guard, parse_edit
from adamcheck.mutations.sampling import guards, neighbours, sample

__all__ = ["Edit", "Guard", "apply", "guards", "neighbours", "parse_edit", "sample"]
