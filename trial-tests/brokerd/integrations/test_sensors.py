"""Sensors by MQTT, with their fields in the job history."""

import json
from typing import Any

from .test_mqtt import MqttTestCase

SENSORS = """
[sensor meter]
type: mqtt
name: Power meter
state_topic: tele/plug/SENSOR
state_response_template:
  {% set notification = payload|fromjson %}
  {set_result("power", notification["apower"]|float)}
  {set_result("energy", notification["total"]|float)}
parameter_power:
  units=W
parameter_energy:
  units=kWh
history_field_energy_consumption:
  parameter=energy
  desc=Energy
  strategy=delta
  units=kWh
  init_tracker=true
  precision=3
  report_total=true
[sensor wrong]
type: mqtt
state_topic: x
state_response_template: {payload}
history_field_a:
  strategy=guess
"""


class SensorTests(MqttTestCase):
    options = SENSORS

    async def measure(self, power: float, total: float) -> None:
        content = json.dumps({"apower": power, "total": total}).encode()
        self.other_client.send("tele/plug/SENSOR", content)
        sensor = self.house.built["sensor"][0]._sensors["meter"]
        await self.until(lambda: sensor.values.get("energy") == total)

    async def prepared(self) -> None:
        await self.connected()
        self.other_client = await self.other()

    def test_measurements(self) -> Any:
        return self.async_test(self._measurements())

    async def _measurements(self) -> None:
        await self.prepared()
        client = await self.socket()
        await client.ask("server.info")
        update = client.expect("notify_sensor_update")
        self.other_client.send("tele/plug/SENSOR", b"not json")
        await self.measure(119.5, 1.0)
        self.assertEqual(await update, [{"meter": {"power": 119.5, "energy": 1.0}}])
        info = (await self.get("/server/sensors/info?sensor=meter")).json["result"]
        values = {"power": 119.5, "energy": 1.0}
        shown = {"id": "meter", "friendly_name": "Power meter", "type": "mqtt", "values": values}
        self.assertEqual(info, shown)
        stored = (await self.get("/server/sensors/measurements")).json["result"]
        self.assertEqual(stored, {"meter": {"power": [119.5], "energy": [1.0]}})
        listed = (await self.get("/server/sensors/list?extended=true")).json["result"]["sensors"]["meter"]
        units = [{"units": "W", "name": "power"}, {"units": "kWh", "name": "energy"}]
        self.assertEqual(listed["parameter_info"], units)
        self.assertEqual(listed["history_fields"][0]["provider"], "sensor meter")
        self.assertEqual(listed["history_fields"][0]["parameter"], "energy")
        self.assertEqual((await self.get("/server/sensors/info?sensor=x")).code, 404)
        self.assertIn("[sensor wrong]: history_field_a:", self.house.warnings[0])

    def test_history(self) -> Any:
        return self.async_test(self._history())

    async def _history(self) -> None:
        await self.prepared()
        await self.measure(100.0, 5.0)
        self.fake.change("print_stats", state="printing", filename="a.gcode")
        await self.until(lambda: self.parts.jobs.printing)
        await self.measure(100.0, 5.25)
        await self.measure(100.0, 5.75)
        self.fake.change("print_stats", state="complete", total_duration=9.0)
        await self.until(lambda: not self.parts.jobs.printing)
        await self.parts.history.settle()
        job = (await self.call("server.history.list"))["jobs"][0]
        known = {"provider": "sensor meter", "name": "energy_consumption", "value": 0.75}
        self.assertEqual(job["auxiliary_data"], [{**known, "description": "Energy", "units": "kWh"}])
