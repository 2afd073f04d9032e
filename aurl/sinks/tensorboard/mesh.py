"""TensorBoard's mesh page: a matrix as a surface in three dimensions.

Field numbers are those of tensorboard/plugins/mesh/plugin_data.proto.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import orjson

from aurl.formats.protobuf import integer, integers, string
from aurl.sinks.tensorboard import events as tfevents

_VERTEX, _FACE, _COLOR = 1, 2, 3
_NAMES = {_VERTEX: "VERTEX", _FACE: "FACE", _COLOR: "COLOR"}
_ALL = 1 << _VERTEX | 1 << _FACE | 1 << _COLOR
_SCENE = {
    "camera": {"cls": "PerspectiveCamera", "fov": 50},
    "lights": [
        {"cls": "AmbientLight", "color": "#ffffff", "intensity": 1.3},
        {"cls": "DirectionalLight", "color": "#ffffff", "intensity": 0.9, "position": [1, 2, 2]},
    ],
    "material": {"cls": "MeshStandardMaterial", "roughness": 1, "metalness": 0, "side": 2},
}


_SIN, _COS = math.sin(math.radians(40)), math.cos(math.radians(40))  # tilted towards the camera, which looks level


def surface(time: float, step: int, name: str, height: object, height_scale: float = 0.8) -> Iterator[bytes]:
    """The three events of a surface over a square from -1 to 1.

    Args:
        height: float [rows, columns] with at least 2 of each; values that are not finite are drawn at the top.
        height_scale: distance from the lowest to the highest point.
    """
    import numpy as np

    from aurl.show.heatmap import palette, shades

    matrix = np.asarray(height, np.float64)
    rows, columns = matrix.shape
    level = np.where(np.isfinite(matrix), shades(matrix) / 253.0, 1.0) if matrix.size else matrix
    x, z = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(1, -1, rows))
    up = (level - 0.5) * height_scale
    vertices = np.stack([x, up * _COS - z * _SIN, up * _SIN + z * _COS], axis=-1).reshape(-1, 3)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1, 1)
    faces = np.concatenate([np.add(corner, (0, 1, columns)), np.add(corner, (1, columns + 1, columns))])
    colours = palette()[shades(matrix)].reshape(-1, 3)
    for part, array in ((_VERTEX, vertices.astype("<f4")), (_FACE, faces.astype("<i4")), (_COLOR, colours)):
        shape = (1, *array.shape)
        content = tfevents.array_tensor(array.tobytes(), shape, str(array.dtype))
        yield tfevents.tensor(
            time, step, f"{name}_{_NAMES[part]}", content, plugin="mesh", data=_metadata(name, part, shape)
        )


def _metadata(name: str, part: int, shape: tuple[int, ...]) -> bytes:
    scene = orjson.dumps(_SCENE).decode()
    about = integer(1, 0) + string(2, name) + integer(3, part) + string(5, scene)
    return about + integers(6, shape) + integer(7, _ALL)
