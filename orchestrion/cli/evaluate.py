import click


@click.group()
def evaluate() -> None:
    """x"""
