"""The commands of operators, one module each; docs/commands.md describes them."""
