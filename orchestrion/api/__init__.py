"""The commands of ``orchestrion`` as functions of the same names: `commands`, and a module for each group of subcommands."""
