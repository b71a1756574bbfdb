import click


@click.group()
def train() -> None:
    """x"""
