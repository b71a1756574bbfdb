import click


@click.command()
def perform() -> None:
    """x"""
