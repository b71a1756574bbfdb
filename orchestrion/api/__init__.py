"""The commands of ``orchestrion`` as functions of the same names, a module for each kind of deed and each group of subcommands."""
