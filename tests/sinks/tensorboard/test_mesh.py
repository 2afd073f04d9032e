from __future__ import annotations

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.mesh import metadata
from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData
from tensorboard.util import tensor_util

from aurl.show.heatmap import MISSING, palette
from aurl.sinks.tensorboard.mesh import surface

BOWL = np.add.outer(np.linspace(-1, 1, 5) ** 2, np.linspace(-1, 1, 7) ** 2)


def parts(height: object) -> dict[int, np.ndarray]:
    found = {}
    for event in surface(1.5, 40, "bowl", height):
        (value,) = Event.FromString(event).summary.value
        about = metadata.parse_plugin_metadata(value.metadata.plugin_data.content)
        array = tensor_util.make_ndarray(value.tensor)
        assert (about.name, list(about.shape), about.components) == ("bowl", list(array.shape), 0b1110)
        assert value.tag == metadata.get_instance_name("bowl", about.content_type)
        found[about.content_type] = array[0]
    return found


def test_the_plugin_reads_a_closed_surface() -> None:
    found = parts(BOWL)
    vertices, faces = found[MeshPluginData.VERTEX], found[MeshPluginData.FACE]
    assert vertices.shape == (35, 3)
    assert faces.shape == (2 * 4 * 6, 3)
    assert set(faces.flatten()) == set(range(35))
    sides = vertices[faces[:, 1:]] - vertices[faces[:, :1]]
    areas = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) / 2
    assert (areas > 0).all()
    assert (np.cross(sides[:, 0], sides[:, 1])[:, 1] > 0).all(), "every triangle faces upwards"


def test_the_lowest_point_is_dark_and_the_highest_bright() -> None:
    colours = parts(BOWL)[MeshPluginData.COLOR]
    assert colours[17].tolist() == palette()[0].tolist()
    assert colours[0].tolist() == palette()[MISSING - 1].tolist()


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_what_is_not_finite_is_grey_and_has_a_place(broken: float) -> None:
    height = BOWL.copy()
    height[0, 0] = broken
    found = parts(height)
    assert np.isfinite(found[MeshPluginData.VERTEX]).all()
    assert found[MeshPluginData.COLOR][0].tolist() == palette()[MISSING].tolist()


def test_a_flat_surface_is_fine() -> None:
    assert np.isfinite(parts(np.full((3, 3), 2.0))[MeshPluginData.VERTEX]).all()
