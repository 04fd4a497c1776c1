"""Macros, timers and the small commands around them."""

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError, ConfigError
from klipperd.objects.services import HostState

from .bench import Bench


class BenchCase(SynchronousTestCase):
    """A bench for a configuration."""

    CONFIG = ""

    def setUp(self) -> None:
        self.bench = self.start(self.CONFIG)

    def start(self, config: str, folder: str | None = None) -> Bench:
        bench = Bench(folder or self.mktemp(), config)
        self.successResultOf(Deferred.fromCoroutine(bench.start()))
        return bench

    def problem(self, config: str) -> str:
        work = Deferred.fromCoroutine(Bench(self.mktemp(), config).start())
        return str(self.failureResultOf(work, ConfigError).value)

    def say(self, script: str) -> list[str]:
        before = len(self.bench.output)
        self.successResultOf(self.bench.begin(script))
        return self.bench.output[before:]

    def refused(self, script: str) -> str:
        return str(self.failureResultOf(self.bench.begin(script), CommandError).value)


class Macros(BenchCase):
    """Templates and what they can do."""

    CONFIG = """
[gcode_macro Clean_Nozzle]
description: Wipe
gcode:
  {% set wipe_count = params.COUNT|default(2)|int %}
  SAVE_GCODE_STATE NAME=clean
  G90
  {% for wipe in range(wipe_count) %}
    {% for at in [(275, 4),(235, 4)] %}
      G0 X{at[0]} Y{at[1] + 0.25 * wipe}
    {% endfor %}
  {% endfor %}
  RESTORE_GCODE_STATE NAME=clean

[gcode_macro START_PROBE]
variable_bed_temp: 0
variable_names: ['a', "b"]
gcode:
  SET_GCODE_VARIABLE MACRO=start_probe VARIABLE=bed_temp VALUE={params.T}
  ECHO {bed_temp} {names[1]}
  FINISH_PROBE

[gcode_macro finish_probe]
gcode:
  ECHO bed {printer["gcode_macro START_PROBE"].bed_temp}

[gcode_macro POSITION]
gcode:
  {% set move = printer.gcode_move %}
  ECHO {move.position.x} {move.gcode_position.z} {printer["gcode_move"].speed_factor}
  {% if printer.bed_mesh is defined %}ECHO mesh{% endif %}
  {% if 'gcode_move' in printer and not 'x' in printer %}ECHO there{% endif %}
  ECHO {printer.configfile.settings['gcode_macro finish_probe'].description}

[gcode_macro M117]
rename_existing: M117.1
gcode:
  M117.1 <{rawparams}>

[gcode_macro ACT]
gcode:
  {action_respond_info("one\\ntwo")}
  {% if params.FAIL %}{action_raise_error("no " ~ params.FAIL)}{% endif %}
  {action_call_remote_method("beep", frequency=300)}
  ECHO done

[gcode_macro STOP]
gcode:
  {action_emergency_stop("enough")}

[gcode_macro LOOP]
gcode:
  LOOP

[gcode_macro BROKEN]
gcode:
  ECHO 1
  ECHO {1 / 0}

[gcode_macro M600]
gcode:
  ECHO {params.X} {params.Y|default('none')}

[display_status]
"""

    def test_loops_and_parameters(self) -> None:
        self.say("clean_nozzle COUNT=1\nClean_Nozzle")
        self.assertEqual(
            [p[:2] for p, _ in self.bench.planner.moves],
            [[275, 4], [235, 4], [275, 4], [235, 4], [275, 4.25], [235, 4.25]],
        )

    def test_variables(self) -> None:
        said = self.say("START_PROBE T=60")
        self.assertEqual(said, ["// ECHO 0 b", "// ECHO bed 60"])
        self.assertEqual(self.bench.status("gcode_macro START_PROBE"), {"bed_temp": 60, "names": ["a", "b"]})
        self.say("SET_GCODE_VARIABLE MACRO=START_PROBE VARIABLE=names VALUE=\"{'x': [1, 2]}\"")
        self.assertEqual(self.bench.status("gcode_macro START_PROBE")["names"], {"x": [1, 2]})
        self.assertIn(
            "Unknown gcode_macro variable 'bed_tmp'; did you mean 'bed_temp'?",
            self.refused("SET_GCODE_VARIABLE MACRO=START_PROBE VARIABLE=bed_tmp VALUE=1"),
        )
        error = self.refused("SET_GCODE_VARIABLE MACRO=START_PROBE VARIABLE=names VALUE=open")
        self.assertIn("no Python literal", error)

    def test_status_of_the_printer(self) -> None:
        said = self.say("G1 X5 Z3\nSET_GCODE_OFFSET Z=1\nM220 S50\nPOSITION")
        self.assertEqual(said, ["// ECHO 5.0 2.0 0.5", "// ECHO there", "// ECHO G-Code macro"])

    def test_free_text(self) -> None:
        self.say("M117 50% done; or * more")
        self.assertEqual(self.bench.status("display_status").message, "<50% done; or * more>")

    def test_traditional_name(self) -> None:
        self.assertEqual(self.say("M600 X5"), ["// ECHO 5 none"])

    def test_actions(self) -> None:
        calls: list[dict[str, Any]] = []
        client = self.bench.procedures.connect(calls.append)
        self.bench.procedures.remote_methods.offer(client, "beep", {"action": "b"})
        self.assertEqual(self.say("ACT"), ["// one", "// two", "// ECHO done"])
        self.assertEqual(calls, [{"action": "b", "params": {"frequency": 300}}])
        self.assertEqual(self.refused("ACT FAIL=luck"), "no luck")
        self.assertEqual(self.bench.output[-3:], ["// one", "// two", "!! no luck"])
        client.close()
        self.assertIn("// Remote method 'beep' not registered", self.say("ACT"))
        self.say("STOP")
        self.assertEqual(self.bench.host.shutdowns, ["Shutdown due to enough"])

    def test_errors(self) -> None:
        self.assertEqual(self.refused("LOOP"), "Macro LOOP called recursively")
        self.assertEqual(
            self.refused("BROKEN"),
            "Error evaluating '[gcode_macro BROKEN] gcode' line 2: ZeroDivisionError: division by zero",
        )
        self.assertEqual(self.refused("LOOP"), "Macro LOOP called recursively")
        self.assertIn("Malformed word 'oops'", self.refused("FINISH_PROBE oops"))

    def test_help_and_end(self) -> None:
        self.assertEqual(self.bench.dispatcher.commands()["CLEAN_NOZZLE"], "Wipe")
        self.assertEqual(self.bench.status("gcode").commands["CLEAN_NOZZLE"], {"help": "Wipe"})
        self.successResultOf(Deferred.fromCoroutine(self.bench.built.close()))
        self.assertNotIn("CLEAN_NOZZLE", self.bench.dispatcher.commands())
        self.assertNotIn("M117.1", self.bench.dispatcher.commands())
        self.assertIn("M117", self.bench.dispatcher.commands())

    def test_wrong_configuration(self) -> None:
        macro = "\n[gcode_macro {name}]\n{more}gcode:\n  {{% if x %}}\n  G1 X1\n{end}"
        for name, more, end, wanted in (
            ("A", "", "", "printer.cfg:3: [gcode_macro A] gcode: template: Unexpected end of template"),
            ("A B", "", "  {% endif %}", "'A B' is no name of a command"),
            ("T0B", "", "  {% endif %}", "'T0B' is no name of a command"),
            ("A", "variable_x: y\n", "  {% endif %}", "variable_x: 'y' is no Python literal"),
            ("M105", "", "  {% endif %}", "cfg:2: [gcode_macro M105]: G-code command M105 exists already"),
            ("NEW", "rename_existing: OLD\n", "  {% endif %}", "there is no G-code command NEW to rename"),
        ):
            self.assertIn(wanted, self.problem(macro.format(name=name, more=more, end=end)))


class Timers(BenchCase):
    """delayed_gcode and idle_timeout."""

    CONFIG = """
[delayed_gcode welcome]
initial_duration: 5
gcode:
  ECHO hi
  UPDATE_DELAYED_GCODE ID=welcome DURATION=2
[delayed_gcode other]
gcode:
  ECHO other
  BAD oops
  M204.5 Sx
[idle_timeout]
timeout: 30
gcode:
  ECHO idle
"""

    def test_initial_and_repeated(self) -> None:
        clock, output = self.bench.clock, self.bench.output
        clock.advance(4.9)
        self.assertEqual(output, [])
        clock.advance(0.1)
        self.assertEqual(output, ["// ECHO hi"])
        clock.pump([1.0, 1.0, 1.0, 1.0])
        self.assertEqual(output, ["// ECHO hi"] * 3)
        self.say("UPDATE_DELAYED_GCODE ID=welcome DURATION=0")
        clock.advance(10)
        self.assertEqual(output, ["// ECHO hi"] * 3)

    def test_started_by_command(self) -> None:
        self.say("UPDATE_DELAYED_GCODE ID=welcome DURATION=0\nUPDATE_DELAYED_GCODE ID=other DURATION=1.5")
        self.bench.clock.advance(1.5)
        self.assertEqual(self.bench.output[0], "// ECHO other")
        error = self.refused("UPDATE_DELAYED_GCODE ID=x DURATION=1")
        self.assertIn("not valid for UPDATE_DELAYED_GCODE ID", error)

    def test_nothing_runs_after_the_end(self) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.bench.built.close()))
        self.assertEqual(self.bench.clock.getDelayedCalls(), [])

    def test_idle(self) -> None:
        self.say("UPDATE_DELAYED_GCODE ID=welcome DURATION=0")
        clock, planner = self.bench.clock, self.bench.planner
        seen = []
        for idle, seconds in ((0.0, 10), (1.0, 20), (20.0, 15), (40.0, 60), (0.0, 5)):
            planner.idle = idle
            clock.pump([0.5] * (2 * seconds))
            status = self.bench.status("idle_timeout")
            seen.append((status.state, status.printing_time))
        self.assertEqual(
            seen, [("Printing", 9.5), ("Ready", 0.0), ("Idle", 0.0), ("Idle", 0.0), ("Printing", 4.5)]
        )
        self.assertEqual(self.bench.output, ["// ECHO idle"])

    def test_waiting_command_is_activity(self) -> None:
        self.say("UPDATE_DELAYED_GCODE ID=welcome DURATION=0")
        self.bench.planner.idle, self.bench.planner.room = 1.0, 1
        waiting = self.bench.begin("G1 X1\nG1 X2")
        self.bench.clock.pump([0.5] * 100)
        self.assertEqual(self.bench.status("idle_timeout").state, "Printing")
        self.bench.planner.room = 5
        self.bench.planner.make_room()
        self.successResultOf(waiting)
        self.bench.clock.pump([0.5] * 10)
        self.assertEqual(self.bench.status("idle_timeout").state, "Ready")
        self.bench.clock.pump([0.5] * 60)
        self.assertEqual(self.bench.status("idle_timeout").state, "Idle")

    def test_timeout_can_be_changed(self) -> None:
        self.say("UPDATE_DELAYED_GCODE ID=welcome DURATION=0")
        self.bench.planner.idle = 1.0
        said = self.say("SET_IDLE_TIMEOUT TIMEOUT=100")
        self.assertEqual(said, ["// idle_timeout: Timeout set to 100.00 s"])
        self.bench.clock.pump([0.5] * 199)
        self.assertEqual(self.bench.status("idle_timeout").state, "Ready")
        self.bench.clock.pump([0.5] * 2)
        self.assertEqual(self.bench.status("idle_timeout").state, "Idle")
        self.refused("SET_IDLE_TIMEOUT TIMEOUT=0")

    def test_default_gcode(self) -> None:
        self.bench = self.start("")
        self.bench.planner.idle = 1.0
        self.bench.clock.pump([0.5] * 1202)
        # Neither heaters nor motors here: M84 alone, which nobody serves.
        self.assertEqual(self.bench.output, ['// Unknown command:"M84"'])


class Small(BenchCase):
    """respond, display_status, print_stats, gcode."""

    CONFIG = "[respond]\ndefault_type: command\n[display_status]\n"

    def test_respond(self) -> None:
        for script, wanted in (
            ("M118 action:pause", "// action:pause"),
            ('RESPOND MSG="a b"', "// a b"),
            ('RESPOND TYPE=echo MSG="a"', "echo: a"),
            ('RESPOND TYPE=echo_no_space MSG="a"', "echo:a"),
            ('RESPOND TYPE=error MSG="a"', "!! a"),
            ('RESPOND TYPE=error PREFIX=>> MSG="a"', ">> a"),
        ):
            self.assertEqual(self.say(script), [wanted])
        self.assertIn("'loud' is none of", self.refused("RESPOND TYPE=loud MSG=a"))
        self.bench = self.start("[respond]\ndefault_type: error\ndefault_prefix: hello:\n")
        self.assertEqual(self.say("M118 you"), ["hello: you"])
        self.bench = self.start("[respond]\n")
        self.assertEqual(self.say("M118 you"), ["echo: you"])

    def test_display(self) -> None:
        self.say("M117 Hello ö\nM73 P25 R5")
        status = self.bench.status("display_status")
        self.assertEqual((status.message, status.progress), ("Hello ö", 0.25))
        self.say('SET_DISPLAY_TEXT MSG="x y"')
        self.assertEqual(self.bench.status("display_status").message, "x y")
        self.say("M117\nM73 P200")
        status = self.bench.status("display_status")
        self.assertEqual((status.message, status.progress), (None, 1.0))
        self.bench.clock.advance(6)
        self.assertEqual(self.bench.status("display_status").progress, 0.0)

    def test_layers(self) -> None:
        self.say("SET_PRINT_STATS_INFO TOTAL_LAYER=10\nSET_PRINT_STATS_INFO CURRENT_LAYER=3")
        info = self.bench.status("print_stats").info
        self.assertEqual((info.total_layer, info.current_layer), (10, 3))
        self.say("SET_PRINT_STATS_INFO CURRENT_LAYER=30")
        self.assertEqual(self.bench.status("print_stats").info.current_layer, 10)
        self.say("SET_PRINT_STATS_INFO TOTAL_LAYER=0")
        self.assertIsNone(self.bench.status("print_stats").info.total_layer)

    def test_temperatures(self) -> None:
        self.assertEqual(self.say("M105"), ["T:0"])

    def test_commands_are_the_same_object_until_they_change(self) -> None:
        first = self.bench.status("gcode")
        self.assertIs(self.bench.status("gcode"), first)
        undo = self.bench.dispatcher.add_dynamic("NEW", lambda call: None, "new")  # type: ignore[arg-type,return-value]
        self.assertIn("NEW", self.bench.status("gcode").commands)
        undo()
        self.assertNotIn("NEW", self.bench.status("gcode").commands)


class Saving(BenchCase):
    """configfile and save_variables."""

    def test_save_config(self) -> None:
        self.bench = self.start("[respond]\ndefault_type: echo\n[gcode_macro Big]\ngcode: G28\n")
        self.assertIn("nothing to save", self.refused("SAVE_CONFIG"))
        self.bench.configuration.set("respond", "default_type", "error")
        status = self.bench.status("configfile")
        self.assertTrue(status.save_config_pending)
        self.assertEqual(status.save_config_pending_items, {"respond": {"default_type": "error"}})
        self.assertEqual(status.config["gcode_macro Big"]["gcode"], "G28")
        self.assertEqual(status.settings["gcode_macro big"]["description"], "G-Code macro")
        self.say("SAVE_CONFIG")
        self.assertEqual(self.bench.host.restarts, [False])
        with open(self.bench.path, encoding="utf-8") as saved:
            self.assertIn("#default_type: echo\n", saved.read())

    def test_variables(self) -> None:
        folder = self.mktemp()
        config = f"[save_variables]\nfilename: {os.path.abspath(folder)}/v.cfg\n"
        self.bench = self.start(config, folder)
        self.say("SAVE_VARIABLE VARIABLE=a VALUE='\"extruder1\"'")
        self.say("SAVE_VARIABLE VARIABLE=b VALUE=\"[1, {'c': 2.5}]\"")
        wanted = {"a": "extruder1", "b": [1, {"c": 2.5}]}
        self.assertEqual(self.bench.status("save_variables").variables, wanted)
        self.bench = self.start(config, folder)
        self.assertEqual(self.bench.status("save_variables").variables, wanted)
        for words in ("VARIABLE=A VALUE=1", "VARIABLE=a VALUE=x", ""):
            self.refused(f"SAVE_VARIABLE {words}")

    def test_spoilt_variables(self) -> None:
        folder = self.mktemp()
        os.makedirs(folder)
        with open(os.path.join(folder, "v.cfg"), "w", encoding="utf-8") as spoilt:
            spoilt.write("[Variables]\na = what is this\n")
        text = f"[save_variables]\nfilename: {os.path.abspath(folder)}/v.cfg\n"
        self.assertIn("[save_variables] filename: 'what is this' is no Python literal", self.problem(text))


class NotReady(BenchCase):
    """In other states."""

    def test_macros_are_refused(self) -> None:
        self.bench = self.start("[gcode_macro A]\ngcode: M117\n")
        self.bench.host.present = HostState.SHUTDOWN
        self.assertEqual(self.refused("A"), "Printer is in shutdown")
