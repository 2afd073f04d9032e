"""The table of configurations for a paper: LaTeX with booktabs, and a caption that says what the numbers are."""

from __future__ import annotations

from aurl.compare.insights.insight import named
from aurl.compare.model import Comparison, Group
from aurl.compare.reading import where
from aurl.scalars import describe

_MOST_ROWS = 40
_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


def latex(comparison: Comparison) -> str:
    """A `table` with a row for each configuration: mean and half its 95 % interval, runs, failures.

    Bold is what is not shown to be worse than the best, so several rows may be. Needs `\\usepackage{booktabs}`.
    """
    failed = any(group.failed for group in comparison.groups)
    groups = comparison.groups[:_MOST_ROWS]
    heads = ["Configuration", f"{plain(describe(comparison.metric).label)}", "Runs", *(["Failed"] if failed else [])]
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_caption(comparison)}}}",
        rf"  \begin{{tabular}}{{lr{'r' * (len(heads) - 2)}}}",
        r"    \toprule",
        f"    {' & '.join(heads)} \\\\",
        r"    \midrule",
        *(f"    {' & '.join(_row(comparison, group, failed=failed))} \\\\" for group in groups),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
        "",
    ]
    return "\n".join(lines)


def plain(text: str) -> str:
    """The text with LaTeX's signs escaped, on one line; what LaTeX cannot print is left out."""
    return "".join(_SIGNS.get(sign, sign) for sign in " ".join(text.split()) if sign.isprintable())


def _row(comparison: Comparison, group: Group, *, failed: bool) -> list[str]:
    value = "--"
    if group.mean is not None:
        value = f"{group.mean:.4g}"
        value += rf" \pm {(group.ci[1] - group.ci[0]) / 2:.2g}" if group.ci is not None else ""
        value = rf"$\mathbf{{{value}}}$" if group.id in comparison.best_set else f"${value}$"
    return [plain(named(group)), value, str(group.n), *([str(group.failed)] if failed else [])]


def _caption(comparison: Comparison) -> str:
    wanted = "lower" if comparison.mode == "min" else "higher"
    told = f"{describe(comparison.metric).label} ({comparison.metric}, {wanted} is better), mean of the runs and half "
    told += f"its 95 % interval (Student's t). Runs are read {where(comparison.reading)}"
    told += (
        "." if comparison.reading.kind == "best" else f" (mean of the middle half of the last {comparison.share:.0%})."
    )
    if comparison.best_set:
        told += " Bold: not shown to be worse than the best (Hsu, 95 %)."
    left = len(comparison.groups) - _MOST_ROWS
    return plain(told + (f" {left} further configurations are left out." if left > 0 else ""))
