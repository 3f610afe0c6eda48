"""To import this loads all kernels: the fork server takes names of modules."""

from holdfast.core.warm import warm_up

warm_up()
