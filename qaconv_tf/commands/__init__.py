"""The commands: one absl program a verb, run by `program.run_program`."""
