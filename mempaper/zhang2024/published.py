"""Numbers that are printed in the paper's heat maps, as they were read there (rounded)."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass

import numpy as np

from mempaper.parameters import ConfigError, check_names
from mempaper.paths import data_folder

FIELDS = ("figure", "quantity", "agent", "row_variable", "row", "column_variable", "column", "value")
Key = tuple[str, str, str]
Label = float | str


@dataclass(frozen=True)
class Table:
    """One heat map.

    Attributes
    ----------
    row_variable, column_variable : str
        What changes along the rows and the columns, e.g. train_obs_noise, or critic.
    rows, columns : tuple of float or str
        Its values.
    values : ndarray, shape (row, column)
        As printed.
    """

    row_variable: str
    column_variable: str
    rows: tuple[Label, ...]
    columns: tuple[Label, ...]
    values: np.ndarray

    def at(self, row: Label, column: Label) -> float:
        """Value of one cell.

        Raises
        ------
        KeyError
            There is no such row or column.
        """
        for variable, label, labels in (
            (self.row_variable, row, self.rows),
            (self.column_variable, column, self.columns),
        ):
            if label not in labels:
                raise KeyError(f"{variable} {label!r} is not one of {labels}")
        return float(self.values[self.rows.index(row), self.columns.index(column)])


def as_label(text: str) -> Label:
    """A label as a number where it is one."""
    try:
        return float(text)
    except ValueError:
        return text


@functools.cache
def tables() -> dict[Key, Table]:
    """All heat maps by figure, quantity and agent.

    Raises
    ------
    ConfigError
        The file is missing or damaged; the message names the line or the table.
    """
    path = data_folder() / "claims" / "zhang2024_tables.csv"
    cells: dict[Key, dict[tuple[str, ...], float]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file, strict=True)
            if tuple(next(reader, ())) != FIELDS:
                raise ConfigError(f"{path} does not begin with the columns {', '.join(FIELDS)}")
            for line in reader:
                figure, quantity, agent, *place, value = line
                table = cells.setdefault((figure, quantity, agent), {})
                row_variable, row, column_variable, column = place
                if (row_variable, row, column_variable, column) in table:
                    raise ValueError("the cell is there twice")
                table[row_variable, row, column_variable, column] = float(value)
    except ConfigError:
        raise
    except (OSError, ValueError, csv.Error) as error:
        where = "" if isinstance(error, OSError) else f", line {reader.line_num}"
        raise ConfigError(f"{path}{where}: {error}") from error
    return {key: _table(f"{path}, {' '.join(key)}", table) for key, table in cells.items()}


def _table(where: str, cells: dict[tuple[str, ...], float]) -> Table:
    row_variables, rows, column_variables, columns = (
        tuple(dict.fromkeys(part)) for part in zip(*cells, strict=True)
    )
    if len(row_variables) != 1 or len(column_variables) != 1 or len(cells) != len(rows) * len(columns):
        raise ConfigError(f"{where}: the cells do not fill one table")
    (by_row,), (by_column,) = row_variables, column_variables
    values = np.array([[cells[by_row, row, by_column, column] for column in columns] for row in rows])
    values.flags.writeable = False
    row_labels, column_labels = (tuple(as_label(text) for text in part) for part in (rows, columns))
    return Table(by_row, by_column, row_labels, column_labels, values)


def table(figure: str, quantity: str, agent: str) -> Table:
    """The numbers of one heat map.

    Parameters
    ----------
    figure : str
        Such as '2b' or 'S7c'.
    quantity : str
        Such as 'auc_drop', which is the AUC minus that of the table's first cell.
    agent : str
        Such as 'modular', 'EKF_alternative', 'holistic_extensive' or 'architecture_sweep'.

    Raises
    ------
    ConfigError
        There is no such table; the message names what there is.
    """
    allowed = list(tables())
    for place, (name, what) in enumerate(((figure, "figure"), (quantity, "quantity"), (agent, "agent"))):
        check_names([name], sorted({key[place] for key in allowed}), f"published {what}")
        allowed = [key for key in allowed if key[place] == name]
    return tables()[figure, quantity, agent]
