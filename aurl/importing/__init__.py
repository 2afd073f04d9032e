"""Makes run directories from the logs of other tools, so that compare and the dashboard take them like aurl's own."""
