"""C{[bed_mesh]}: follow the shape of the bed (Bed_Mesh.md).

A mesh comes from a profile or from whoever has probed one (L{BedMesh.set_mesh}); this module probes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from attrs import define, field, frozen

from klipperd.config.configuration import Configuration
from klipperd.errors import CommandError, ConfigError
from klipperd.gcode.moves import GcodeMove
from klipperd.motion.mesh import MeshTransform
from klipperd.motion.surface import Grid, finer, usable_algorithm
from klipperd.objects import Call, PrinterObject, command, param, status_field
from klipperd.objects.call import remote
from klipperd.objects.values import nearest
from klipperd.printer.bed_mesh_options import BedMeshConfig, MeshProfile, Pair
from klipperd.printer.bed_tilt import BedTilt

__all__ = ["BedMesh", "BedMeshStatus", "Mesh", "bed_mesh"]


@frozen
class Mesh:
    """Probed heights and how they become a surface; C{points} are rows of y, each of x (mm)."""

    points: Grid
    minimum: Pair
    maximum: Pair
    per_segment: tuple[int, int]
    algorithm: str
    tension: float

    @property
    def surface(self) -> Grid:
        """The finer grid. @raise ValueError: when the algorithm can't be used."""
        counts = len(self.points[0]), len(self.points)
        algorithm = usable_algorithm(self.algorithm, counts, self.per_segment)
        return finer(self.points, self.per_segment, algorithm, self.tension)

    @property
    def params(self) -> dict[str, Any]:
        """As profiles hold them."""
        return {
            "x_count": len(self.points[0]),
            "y_count": len(self.points),
            "mesh_x_pps": self.per_segment[0],
            "mesh_y_pps": self.per_segment[1],
            "min_x": self.minimum[0],
            "max_x": self.maximum[0],
            "min_y": self.minimum[1],
            "max_y": self.maximum[1],
            "algo": self.algorithm,
            "tension": self.tension,
        }

    def shifted(self, height: float) -> "Mesh":
        """The mesh with all heights less by so much."""
        lower = [[z - height for z in row] for row in self.points]
        return Mesh(lower, self.minimum, self.maximum, self.per_segment, self.algorithm, self.tension)


def mesh_of(profile: MeshProfile) -> Mesh:
    """The mesh that a profile holds."""
    c = profile.config
    points = [list(row) for row in c.points]
    pps = (c.mesh_x_pps, c.mesh_y_pps)
    return Mesh(points, (c.min_x, c.min_y), (c.max_x, c.max_y), pps, c.algo, c.tension)


@frozen
class BedMeshStatus:
    """Status of C{bed_mesh}."""

    profile_name: str = status_field(doc="name of the loaded profile, empty without one")
    mesh_min: Pair = status_field(doc="x, y of the mesh's first point (mm)")
    mesh_max: Pair = status_field(doc="x, y of the mesh's last point (mm)")
    probed_matrix: Sequence[Sequence[float]] = status_field(doc="probed heights, a row of x for each y (mm)")
    mesh_matrix: Sequence[Sequence[float]] = status_field(doc="the same, with points added between (mm)")
    profiles: Mapping[str, Mapping[str, Any]] = status_field(doc="known profiles: points and mesh_params")


@define(eq=False, repr=False)
class BedMesh:
    """The mesh in use and the known profiles."""

    config: BedMeshConfig
    _moves: GcodeMove
    _configuration: Configuration
    _transform: MeshTransform
    _profiles: dict[str, Mesh]
    mesh: Mesh | None = field(default=None, init=False)
    _surface: Grid = field(factory=list, init=False)
    _loaded: str = field(default="", init=False)

    # The mesh

    def set_mesh(self, points: Grid, minimum: Pair, maximum: Pair, profile: str = "default") -> None:
        """Use a mesh that was just probed, and keep it as a profile.

        C{points}: rows of y from C{minimum} to C{maximum} (x, y, mm), each of x.

        @raise CommandError: when no surface can be made of it.
        """
        c = self.config
        mesh = Mesh(points, minimum, maximum, c.per_segment, c.algorithm, c.bicubic_tension)
        self.use(mesh, profile)
        if c.zero_reference_position is not None:
            self.use(mesh.shifted(self._transform.height(*c.zero_reference_position)), profile)
        self._keep(profile)

    def use(self, mesh: Mesh | None, name: str = "") -> None:
        """Follow another mesh from the next move on, or none.

        @raise CommandError: when no surface can be made of it; nothing has changed then.
        """
        try:
            surface = mesh.surface if mesh is not None else []
            target = self._fade_target(surface)
        except ValueError as error:
            raise CommandError(f"bed_mesh: {error}") from None
        if mesh is None:
            self._transform.set_surface(None, (0.0, 0.0), (0.0, 0.0))
        else:
            self._transform.set_surface(surface, mesh.minimum, mesh.maximum)
        self._transform.set_fade(self.config.fade_start, self.config.fade_end, target)
        self.mesh, self._surface, self._loaded = mesh, surface, name
        self._moves.reset_position()

    def _fade_target(self, surface: Grid) -> float:
        """@raise ValueError: when the mesh can't fade within the heights that the section gives."""
        room = self.config.fade_end - self.config.fade_start
        heights = [z for row in surface for z in row]
        if room <= 0.0 or not heights:
            return 0.0
        target = self.config.fade_target
        if target is None:
            target = sum(heights) / len(heights)
        furthest = max(abs(z - target) for z in heights)
        if furthest >= room:
            text = f"the mesh is up to {furthest:.3f} mm from fade_target = {target:.3f}"
            raise ValueError(f"{text}, and can't fade within fade_end - fade_start = {room:.3f} mm")
        return target

    # Commands

    @command("BED_MESH_CLEAR")
    async def clear(self, call: Call) -> None:
        """Clear the mesh: z is not adjusted any more."""
        self.use(None)

    @command("BED_MESH_PROFILE")
    async def manage_profile(
        self, call: Call, *, load: str | None = None, save: str | None = None, remove: str | None = None
    ) -> None:
        """Bed mesh profile management."""
        if load is not None:
            self.use(self._known(load), load)
        elif save is not None:
            self._keep(save)
            call.info(_to_save(f"Bed Mesh state has been saved to profile [{save}]"))
        elif remove is not None:
            self._known(remove)
            del self._profiles[remove]
            self._configuration.remove_section(f"bed_mesh {remove}")
            call.info(_to_save(f"Profile [{remove}] removed"))
        else:
            raise CommandError("BED_MESH_PROFILE: LOAD, SAVE or REMOVE is missing")

    def _known(self, name: str) -> Mesh:
        if name not in self._profiles:
            hint = nearest(name, list(self._profiles))
            raise CommandError(f"bed_mesh: there is no profile {name!r}{hint}")
        return self._profiles[name]

    def _keep(self, name: str) -> None:
        if self.mesh is None:
            raise CommandError(
                f"bed_mesh: there is no mesh to save as profile {name!r}; the bed was not probed"
            )
        self._profiles[name] = self.mesh
        self._loaded = name
        section = f"bed_mesh {name}"
        rows = "\n".join(", ".join(f"{z:.6f}" for z in row) for row in self.mesh.points)
        for key, value in {"version": 1, "points": f"\n{rows}", **self.mesh.params}.items():
            self._configuration.set(section, key, value)

    @command("BED_MESH_OUTPUT")
    async def report_mesh(
        self, call: Call, *, pgp: bool = param(False, doc="1: the points to probe")
    ) -> None:
        """Report the probed heights and the mesh."""
        if pgp:
            lines = (f"{i} | ({x:.1f}, {y:.1f}) | ({x:.1f}, {y:.1f})" for i, (x, y) in self._numbered())
            call.info("\n".join(("bed_mesh: generated points", "Index | Tool Adjusted | Probe", *lines)))
        if self.mesh is None:
            call.info("Bed has not been probed")
            return
        texts = ("Mesh Leveling Probed Z positions:", _rows(self.mesh.points), "Mesh:", _rows(self._surface))
        call.info("\n".join(texts))

    def _numbered(self) -> Sequence[tuple[int, Pair]]:
        return list(enumerate(self.config.points()))

    @command("BED_MESH_MAP")
    async def report_map(self, call: Call) -> None:
        """Report the probed heights as JSON."""
        if self.mesh is None:
            call.info("Bed has not been probed")
            return
        shown = {
            "mesh_min": self.mesh.minimum,
            "mesh_max": self.mesh.maximum,
            "z_positions": self.mesh.points,
        }
        call.respond(f"mesh_map_output {orjson.dumps(shown).decode()}")

    @command("BED_MESH_OFFSET")
    async def set_offset(
        self, call: Call, *, x: float | None = None, y: float | None = None, zfade: float | None = None
    ) -> None:
        """Add X/Y offsets to the mesh lookup, and an offset to the height that fading looks at."""
        if self.mesh is None:
            call.info("No mesh loaded to offset")
            return
        given = zip((x, y, zfade), self._transform.offset, strict=True)
        self._transform.set_offset(*(was if value is None else value for value, was in given))
        self._moves.reset_position()

    # What it is

    @remote("bed_mesh/dump_mesh")
    async def dump_mesh(self) -> Mapping[str, Any]:
        """The mesh in use, all profiles, and where the bed would be probed."""
        status = self.status(0.0)
        current: dict[str, Any] = {}
        if self.mesh is not None:
            current = {
                "name": status.profile_name,
                "probed_matrix": status.probed_matrix,
                "mesh_matrix": status.mesh_matrix,
                "mesh_params": self.mesh.params,
            }
        return {
            "current_mesh": current,
            "profiles": status.profiles,
            "calibration": {"points": self.config.points()},
        }

    def status(self, eventtime: float) -> BedMeshStatus:
        """See L{BedMeshStatus}."""
        mesh = self.mesh
        profiles = {
            name: {"points": known.points, "mesh_params": known.params}
            for name, known in self._profiles.items()
        }
        if mesh is None:
            return BedMeshStatus("", (0.0, 0.0), (0.0, 0.0), [[]], [[]], profiles)
        return BedMeshStatus(self._loaded, mesh.minimum, mesh.maximum, mesh.points, self._surface, profiles)


def _rows(grid: Grid) -> str:
    return "\n".join(" ".join(f"{z:f}" for z in row) for row in grid)


def _to_save(text: str) -> str:
    return f"{text}\nThe SAVE_CONFIG command will update the printer config file and restart the printer."


def build_bed_mesh(
    config: BedMeshConfig,
    moves: GcodeMove,
    configuration: Configuration,
    profiles: Sequence[MeshProfile],
    tilt: BedTilt | None,
) -> BedMesh:
    """Build the C{bed_mesh} object."""
    if tilt is not None:
        raise ConfigError.single("[bed_mesh] and [bed_tilt] can't be used together: remove one of them")
    known = {profile.name: mesh_of(profile) for profile in profiles}
    transform = moves.add_transform(
        lambda after: MeshTransform(after, config.move_check_distance, config.split_delta_z)
    )
    return BedMesh(config, moves, configuration, transform, known)


bed_mesh = PrinterObject("bed_mesh", BedMeshConfig, build_bed_mesh)
