"""The options of C{[bed_mesh]} and of its saved profiles."""

from collections.abc import Iterator, Mapping
from typing import Literal

from attrs import frozen

from klipperd.motion.surface import usable_algorithm
from klipperd.objects import Identity, PrinterObject, option
from klipperd.objects.option import options_named

__all__ = ["BedMeshConfig", "MeshProfile", "MeshProfileConfig", "bed_mesh_profile"]

Pair = tuple[float, float]


def pair_of(values: tuple[int, ...]) -> tuple[int, int]:
    """One number stands for both axes."""
    return (values[0], values[0]) if len(values) == 1 else (values[0], values[1])


@frozen(kw_only=True)
class BedMeshConfig:
    """C{[bed_mesh]}: follow the shape of the bed."""

    speed: float = option(50.0, above=0.0, unit="mm/s", doc="speed of moves between probes")
    horizontal_move_z: float = option(5.0, unit="mm", doc="height of moves between probes")
    mesh_radius: float | None = option(None, above=0.0, unit="mm", doc="radius of the mesh of a round bed")
    mesh_origin: Pair = option((0.0, 0.0), doc="centre x, y of the mesh of a round bed")
    mesh_min: Pair | None = option(None, doc="x, y of the point nearest to the origin, of a rectangular bed")
    mesh_max: Pair | None = option(None, doc="x, y of the point farthest from it")
    probe_count: tuple[int, ...] = option((3, 3), minimum=3, doc="points along x, y of a rectangular bed")
    round_probe_count: int = option(5, minimum=3, doc="points along the diameters of a round bed, odd")
    fade_start: float = option(1.0, unit="mm", doc="height at which the mesh begins to count less")
    fade_end: float = option(0.0, unit="mm", doc="height at which it counts no more; 0: no fading")
    fade_target: float | None = option(None, unit="mm", doc="what remains then; the mesh's mean by default")
    split_delta_z: float = option(
        0.025, minimum=0.01, unit="mm", doc="change of height along a move that splits it"
    )
    move_check_distance: float = option(
        5.0, minimum=3.0, unit="mm", doc="distance along a move between two looks at the mesh"
    )
    mesh_pps: tuple[int, ...] = option((2, 2), minimum=0, doc="points x, y added in each segment")
    algorithm: Literal["lagrange", "bicubic"] = option("lagrange", doc="how points are added")
    bicubic_tension: float = option(0.2, minimum=0.0, maximum=2.0, doc="slope that bicubic adds")
    zero_reference_position: Pair | None = option(None, doc="x, y at which the mesh is zero")
    adaptive_margin: float = option(
        0.0, minimum=0.0, unit="mm", doc="room around objects, of adaptive meshes"
    )
    scan_overshoot: float = option(0.0, minimum=0.0, unit="mm", doc="room beside the mesh for rapid scans")
    faulty_region: Mapping[str, str] = options_named(
        "faulty_region_",
        doc="regions not to be probed: faulty_region_1_min: x, y and faulty_region_1_max: x, y",
    )

    def check(self) -> Iterator[tuple[str, str]]:
        """Problems of options in combination."""
        if self.mesh_radius is None:
            for name in ("mesh_min", "mesh_max"):
                if getattr(self, name) is None:
                    yield name, "is missing (or mesh_radius, for a round bed)"
        for name in ("probe_count", "mesh_pps"):
            if len(getattr(self, name)) not in (1, 2):
                yield name, "wants one number, or two: x, y"
                return
        low, high = self.mesh_min, self.mesh_max
        if low is not None and high is not None and (low[0] >= high[0] or low[1] >= high[1]):
            yield "mesh_max", "must be above mesh_min in x and y"
        if self.round_probe_count % 2 == 0:
            yield "round_probe_count", "must be odd, so that the centre is probed"
        try:
            usable_algorithm(self.algorithm, self.counts, self.per_segment)
        except ValueError as error:
            yield "algorithm", str(error)

    @property
    def counts(self) -> tuple[int, int]:
        """Points along x and y."""
        if self.mesh_radius is not None:
            return self.round_probe_count, self.round_probe_count
        return pair_of(self.probe_count)

    @property
    def per_segment(self) -> tuple[int, int]:
        """Interpolated points in each segment along x and y."""
        return pair_of(self.mesh_pps)

    @property
    def bounds(self) -> tuple[Pair, Pair]:
        """x, y of the outermost points."""
        if self.mesh_radius is not None:
            (x, y), r = self.mesh_origin, self.mesh_radius
            return (x - r, y - r), (x + r, y + r)
        assert self.mesh_min is not None and self.mesh_max is not None
        return self.mesh_min, self.mesh_max

    def points(self) -> list[Pair]:
        """Where to probe: rows along x, every other one backwards."""
        (x0, y0), (x1, y1) = self.bounds
        nx, ny = self.counts
        made: list[Pair] = []
        for row in range(ny):
            order = range(nx) if row % 2 == 0 else range(nx - 1, -1, -1)
            y = y0 + (y1 - y0) * row / (ny - 1)
            made += [(x0 + (x1 - x0) * column / (nx - 1), y) for column in order]
        if self.mesh_radius is None:
            return made
        (cx, cy), r = self.mesh_origin, self.mesh_radius
        return [(x, y) for x, y in made if (x - cx) ** 2 + (y - cy) ** 2 <= r * r * (1.0 + 1e-9)]


@frozen(kw_only=True)
class MeshProfileConfig:
    """C{[bed_mesh NAME]}: a saved profile."""

    version: int = option(1, doc="version of this format")
    points: tuple[tuple[float, ...], ...] = option(doc="probed heights (mm), a row of x for each y")
    x_count: int = option(minimum=2, doc="points along x")
    y_count: int = option(minimum=2, doc="points along y")
    mesh_x_pps: int = option(minimum=0, doc="points added in each segment along x")
    mesh_y_pps: int = option(minimum=0, doc="points added in each segment along y")
    min_x: float = option(unit="mm", doc="x of the first point")
    max_x: float = option(unit="mm", doc="x of the last point")
    min_y: float = option(unit="mm", doc="y of the first point")
    max_y: float = option(unit="mm", doc="y of the last point")
    algo: Literal["lagrange", "bicubic", "direct"] = option(doc="how points are added")
    tension: float = option(0.2, minimum=0.0, doc="bicubic_tension")

    def check(self) -> Iterator[tuple[str, str]]:
        """Points and counts agree."""
        if len(self.points) != self.y_count or any(len(row) != self.x_count for row in self.points):
            yield "points", f"are not {self.y_count} rows of {self.x_count}"
        if self.min_x >= self.max_x or self.min_y >= self.max_y:
            yield "max_x", "the mesh has no size"


@frozen
class MeshProfile:
    """One saved profile."""

    name: str
    config: MeshProfileConfig


def build_profile(config: MeshProfileConfig, identity: Identity) -> MeshProfile:
    """Read one saved profile."""
    return MeshProfile(identity.name, config)


bed_mesh_profile = PrinterObject("bed_mesh *", MeshProfileConfig, build_profile)
