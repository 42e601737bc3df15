"""Variables: arrays that remember how they were computed."""
from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_nn import backend
from autograd_nn.backend import DeviceLike
from autograd_nn.backprop import accumulate, ancestors, passes
from autograd_nn.config import config, get_dtype
from autograd_nn.dtypes import has_gradient
from autograd_nn.types import Array, ArrayLike, Axis, BareArray, DTypeLike, InitializerLike, Operand
from autograd_nn.utils.hints import explain_arguments

if TYPE_CHECKING:
    from autograd_nn.function_node import FunctionNode


_ndarray = np.ndarray


class VariableNode:
    """A Variable's place in the graph. It does not hold the array, so an array that nobody needs can go.

    Attributes:
        creator_node: The `FunctionNode` that computed the Variable, None for a leaf.
        index: Which of the creator's outputs it is.
        shape: The array's shape.
        dtype: The array's dtype.
        requires_grad: Whether a gradient with respect to it is wanted.
        grad_var: The gradient as a `Variable`, or None.
        name: A name for people to read.
    """

    __slots__ = ('__weakref__', '_data', 'creator_node', 'dtype', 'grad_var', 'index', 'name', 'requires_grad', 'shape')

    # Only where it was asked for (`retain_data`); most nodes never have the attribute.
    _data: Any

    def __init__(self, creator_node: FunctionNode | None, index: int, shape: tuple[int, ...] | None, dtype: Any,
                 requires_grad: bool) -> None:
        self.creator_node = creator_node
        self.index = index
        self.shape = shape
        self.dtype = dtype
        self.requires_grad = requires_grad
        self.grad_var: Variable | None = None
        self.name: str | None = None

    @property
    def creator(self) -> FunctionNode | None:
        """The function that computed the Variable; None for a leaf and where the graph was cut (`unchain`)."""
        func = self.creator_node
        return None if func is None or func.inputs is None else func

    @property
    def rank(self) -> int:
        """A number that is higher than that of every node this one was computed from; 0 for a leaf."""
        func = self.creator
        return 0 if func is None else func.rank

    @property
    def label(self) -> str:
        """Shape and dtype as text, for drawings of the graph."""
        if self.shape is None:
            return 'uninitialized'
        return f'{self.shape or "scalar"}, {self.dtype}'

    @property
    def grad(self) -> Any:
        """The gradient as an array, or None."""
        return None if self.grad_var is None else self.grad_var.array

    @property
    def data(self) -> Any:
        """The array, where this node, the function that computed it, or a Variable has it; None otherwise.

        Where no one else keeps it, it looks for the Variable (see `get_variable_or_none`).
        """
        kept = getattr(self, '_data', None)
        if kept is None and self.creator is not None:
            kept = self.creator.output_data[self.index]
        return as_array(self.get_variable_or_none()) if kept is None else kept

    def retain_data(self) -> None:
        """Keeps the array that the Variable has now as `data`.

        Raises:
            RuntimeError: The Variable is gone.
        """
        variable = self.get_variable_or_none()
        if variable is None:
            raise RuntimeError('retain_data: the Variable is gone, and its array with it')
        self._data = variable.array

    def get_variable_or_none(self) -> Variable | None:
        """A Variable at this node, None if all are gone.

        Nodes do not know their Variables, so that recording costs as little as it does; this looks for them among all
        objects, which takes milliseconds.
        """
        found = [each for each in gc.get_referrers(self) if isinstance(each, Variable) and each._node is self]
        return found[0] if found else None

    def get_variable(self) -> Variable:
        """A Variable at this node (see `get_variable_or_none`): a new one, with the array `data`, if all are gone."""
        variable = self.get_variable_or_none()
        if variable is None:
            variable = Variable(self.data, requires_grad=self.requires_grad)
            variable._node = self
        return variable

    def set_creator_node(self, creator_node: FunctionNode) -> None:
        """Makes a function the one that computed the Variable, as its first output."""
        self.creator_node = creator_node

    def set_creator(self, creator: Any) -> None:
        """As `set_creator_node`, of a `Function`, too."""
        self.set_creator_node(getattr(creator, 'node', creator))

    def unchain(self) -> None:
        """Forgets the function that computed the Variable."""
        self.creator_node = None


class Variable:
    """An array and its place in the graph of the computation.

    Functions applied to Variables record themselves; `backward` then computes the gradients of one Variable with
    respect to all those that it was computed from. Arithmetic works as on arrays, with broadcasting; the other operand
    may be a Variable, an array or a number.

    Args:
        data: A NumPy or CuPy array of any shape and dtype. Of NumPy's subclasses the plain array counts, in the byte
            order of this machine.
        name: A name for people to read.
        grad: The initial gradient, an array of the same shape and dtype.
        requires_grad: Whether to compute a gradient with respect to this Variable (never for integers).

    Raises:
        TypeError: `data` is not an array, or has masked elements.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> x = ann.Variable(np.array([1., 2., 3.], dtype='f'))
        >>> y = ann.functions.sum(x ** 2 - 2 * x + 1)
        >>> y.backward()
        >>> x.grad
        array([0., 2., 4.], dtype=float32)
    """

    __slots__ = ('__weakref__', '_array', '_node', 'requires_grad')
    __array_priority__ = 200
    # NumPy leaves operators with an array on the left to the Variable on the right.
    __array_ufunc__ = None
    # That of an optimizer, for a `Parameter`; a link may have another Variable in the place of one.
    update_rule: Any = None

    def __init__(self, data: BareArray | None = None, *, name: str | None = None, grad: BareArray | None = None,
                 requires_grad: bool = True) -> None:
        self._node: VariableNode | None = None
        self.requires_grad = requires_grad
        self.array = data
        if name is not None:
            self.name = name
        if grad is not None:
            self.grad = grad

    @property
    def array(self) -> Any:
        """The underlying NumPy or CuPy array (None for a `Parameter` whose shape is not known yet)."""
        return self._array

    @array.setter
    def array(self, array: Array) -> None:
        if array is not None:
            if type(array) is not _ndarray or not array.dtype.isnative:
                array = backend.plain_array(array)
            self.requires_grad = self.requires_grad and has_gradient(array.dtype)
        self._array = array
        if self._node is not None:
            self._node.shape, self._node.dtype = (None, None) if array is None else (array.shape, array.dtype)

    @property
    def data(self) -> Any:
        """Chainer's other name for `array`."""
        return self._array

    @data.setter
    def data(self, array: Array) -> None:
        self.array = array

    @property
    def is_initialized(self) -> bool:
        """Whether there is an array: a `Parameter` may get its own later."""
        return self._array is not None

    # --- the place in the graph

    @property
    def node(self) -> VariableNode:
        """The node that stands for this Variable in the graph."""
        node = self._node
        if node is None:
            array = self._array
            shape, dtype = (None, None) if array is None else (array.shape, array.dtype)
            node = self._node = VariableNode(None, 0, shape, dtype, self.requires_grad)
        else:
            node.requires_grad = self.requires_grad
        return node

    @property
    def creator(self) -> Any:
        """The function that computed this Variable (a `Function` or a `FunctionNode`), None for a leaf."""
        func = self.creator_node
        return None if func is None else func._implementation

    @property
    def creator_node(self) -> FunctionNode | None:
        """The `FunctionNode` that computed this Variable, None for a leaf."""
        return None if self._node is None else self._node.creator

    @property
    def name(self) -> str | None:
        """A name for people to read."""
        return None if self._node is None else self._node.name

    @name.setter
    def name(self, name: str | None) -> None:
        self.node.name = name

    @property
    def rank(self) -> int:
        """A number that is higher than that of every Variable this one was computed from; 0 for a leaf."""
        func = self.creator_node
        return 0 if func is None else func.rank

    # --- gradients

    @property
    def grad_var(self) -> Variable | None:
        """The gradient as a Variable (connected to the graph after a `backward` with ``enable_double_backprop``)."""
        return None if self._node is None else self._node.grad_var

    @grad_var.setter
    def grad_var(self, grad: Variable | None) -> None:
        if grad is not None:
            self._check_gradient(grad, 'grad_var')
        self.node.grad_var = grad

    @property
    def grad(self) -> Any:
        """The gradient as an array of this Variable's shape and dtype, or None."""
        grad = None if self._node is None else self._node.grad_var
        return None if grad is None else grad._array

    @grad.setter
    def grad(self, grad: Array) -> None:
        self.grad_var = None if grad is None else Variable(grad)

    def _check_gradient(self, grad: Variable, what: str) -> None:
        if self._array is None:
            return
        if grad.shape != self._array.shape or grad.dtype != self._array.dtype:
            raise ValueError(f'{what}{self._called}: expected shape {self.shape} and dtype {self.dtype}, '
                             f'got {grad.shape} and {grad.dtype}')

    @property
    def _called(self) -> str:
        return '' if self.name is None else f' of {type(self).__name__} {self.name!r}'

    def cleargrad(self) -> None:
        """Forgets the gradient."""
        if self._node is not None:
            self._node.grad_var = None

    def zerograd(self) -> None:
        """Sets the gradient to zeros; `cleargrad` is cheaper."""
        if self._array is not None:
            self.grad = backend.get_array_module(self._array).zeros_like(self._array)

    def addgrad(self, var: Variable) -> None:
        """Adds the gradient of another Variable to this one's, on this one's device.

        Raises:
            ValueError: It does not have this Variable's shape and dtype.
        """
        if var.grad_var is None:
            return
        self._check_gradient(var.grad_var, 'addgrad')
        g = self.device.send(var.grad_var.array)
        self.grad = g.copy() if self.grad_var is None else self.grad_var.array + g

    def copydata(self, var: Variable) -> None:
        """Copies the array of another Variable into this one's, across devices too.

        Raises:
            ValueError: The shapes differ.
        """
        if var._array is None:
            if self._array is not None:
                raise ValueError('copydata: the source has no array yet')
            return
        if self._array is None:
            self.array = var._array.copy()
        elif self.shape != var.shape:
            raise ValueError(f'copydata{self._called}: expected shape {self.shape}, got {var.shape}')
        else:
            backend.copyto(self._array, var._array)

    def as_gradient(self, g: Variable | BareArray | None = None, loss_scale: float | None = None) -> Variable:
        """The gradient to start a backward pass from: `g` as a Variable, ones by default; checked and scaled."""
        if g is None:
            g = Variable(backend.get_array_module(self._array).ones_like(self._array), requires_grad=False)
        elif not isinstance(g, Variable):
            g = Variable(g, requires_grad=False)
        self._check_gradient(g, 'gradient to start from')
        return g if loss_scale is None else g * loss_scale

    @property
    def memory_owner(self) -> Any:
        """The object that owns the array's memory: the array itself, or what it is a view of in the end."""
        return backend.memory_owner(self._array)

    def plus(self, other: Variable) -> Variable:
        """The sum of two gradients of one array: by a function only where that is recorded, looked at, or faster."""
        settings = config.__dict__
        if (settings['enable_backprop'] or settings['debug'] or settings['_function_hooks']
                or not backend.is_small(self._array)):
            return self + other
        result = Variable.__new__(Variable)
        result._array, result._node, result.requires_grad = self._array + other._array, None, False
        return result

    def unshared(self, owners: set[int]) -> Variable:
        """This Variable if it can be changed in place without changing another; one on a copy of the array otherwise.

        Args:
            owners: The identities of the memory owners that are spoken for. The one of the result is added.
        """
        array = backend.unshared(self._array, owners)
        if array is self._array:
            return self
        result = Variable(array, requires_grad=self.requires_grad)
        result._node = self.node
        return result

    @explain_arguments
    def backward(self, retain_grad: bool = False, enable_double_backprop: bool = False,
                 loss_scale: float | None = None) -> None:
        """Computes gradients of this Variable with respect to everything that it was computed from.

        They are added to the ``grad`` of the leaves (Variables not computed by a function, such as parameters). The
        pass starts from this Variable's own ``grad``, which becomes 1 if it is None and there is a single element.

        Args:
            retain_grad: Also set ``grad`` of the Variables in between.
            enable_double_backprop: Record the backward pass, so that the gradients can be differentiated in turn. The
                leaves then refer to the recorded pass and it to them, until `cleargrad`; `grad` makes no such circle.
            loss_scale: Multiplies the gradient to start from (against underflow in half precision).

        Raises:
            RuntimeError: It has more than one element and no ``grad``.
        """
        node = self.node
        if node.creator is None:
            return
        if node.grad_var is None and self._array.size != 1:
            raise RuntimeError(f'backward: a Variable of shape {self.shape} needs its grad set first; '
                               'without one, only a Variable with one element can start a backward pass')
        start = node.grad_var = self.as_gradient(node.grad_var)
        seed = start if loss_scale is None else start * loss_scale
        accumulate([(node, seed)], enable_double_backprop, retain_grad)

    def unchain(self) -> None:
        """Forgets the function that computed this Variable: it becomes a leaf."""
        if self._node is not None:
            self._node.unchain()

    def set_creator_node(self, fnode: FunctionNode) -> None:
        """Makes a function the one that computed this Variable, as its first output."""
        self.node.set_creator_node(fnode)

    def set_creator(self, gen_func: Any) -> None:
        """As `set_creator_node`, of a `Function`, too."""
        self.node.set_creator(gen_func)

    def retain_data(self) -> None:
        """Has the node keep the array (see `VariableNode.data`)."""
        self.node._data = self._array

    def unchain_backward(self) -> None:
        """Cuts the whole graph behind this Variable, so that its memory can go (truncated backpropagation)."""
        if self._node is not None:
            for func in ancestors([self._node]):
                func.unchain()
            self._node.creator_node = None

    # --- as an array

    @property
    def xp(self) -> Any:
        """The array module: ``numpy`` or ``cupy``."""
        return backend.get_array_module(self._array)

    @property
    def device(self) -> backend.Device:
        """The device that holds the array."""
        return backend.get_device_from_array(self._array)

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._array.size

    @property
    def dtype(self) -> np.dtype:
        """The array's dtype."""
        return self._array.dtype

    def item(self) -> int | float | complex | bool:
        """The single element as a Python number.

        Raises:
            ValueError: There is more than one element.
        """
        return self._array.item()

    def to_device(self, device: DeviceLike) -> None:
        """Moves the array and the gradient to a device, in place.

        Args:
            device: A `Device` or a specifier such as ``'cpu'`` and ``'cuda:0'``.
        """
        target = backend.get_device(device)
        if self._array is None:
            return
        grad = self.grad_var
        self.array = target.send(self._array)
        if grad is not None:
            self.node.grad_var = Variable(target.send(grad.array))

    def to_cpu(self) -> None:
        """Moves the array and the gradient to the CPU."""
        self.to_device('cpu')

    def to_gpu(self, device: Any = None) -> None:
        """Moves the array and the gradient to a GPU.

        Args:
            device: Its number, or a `cupy.cuda.Device`; the current one by default.
        """
        self.to_device(backend.get_gpu(device))

    def to_intel64(self) -> None:
        """Moves the array to where Chainer computes by iDeep.

        Raises:
            RuntimeError: Always: there is no iDeep.
        """
        self.to_device('@intel64')

    def to_chx(self) -> None:
        """Makes an array of ChainerX of the array.

        Raises:
            RuntimeError: Always: there is no ChainerX.
        """
        raise backend.no_chainerx()

    def from_chx(self) -> None:
        """Makes an array of NumPy or CuPy of one of ChainerX, which the array never is."""

    @property
    def layout(self) -> None:
        """None: Chainer's word for axes in the order that `shape` says; how they lie in memory the strides say."""
        return None

    def as_layout(self, layout: str | None) -> Variable:
        """This Variable, whose axes are in the order None.

        Raises:
            ValueError: Another order, such as `memory_layouts.CUDNN_CHANNEL_LAST_X`, is asked for.
        """
        if layout is not None:
            raise ValueError(f'as_layout: expected None, got {layout!r}; kernels choose how axes lie in memory')
        return self

    @property
    def raw_array(self) -> Any:
        """The array as it lies in memory: `array`."""
        return self._array

    @property
    def chx_array(self) -> Any:
        """The array of ChainerX.

        Raises:
            ValueError: Always: it is none.
        """
        raise ValueError('chx_array: there is no ChainerX; the array of NumPy or CuPy is .array')

    def __len__(self) -> int:
        return len(self._array)

    def __bool__(self) -> bool:
        return bool(self._array)

    def __float__(self) -> float:
        return float(self._array.item())

    def __int__(self) -> int:
        return int(self._array.item())

    def __index__(self) -> int:
        return self._array.__index__()

    # Variables are compared by value, but two of them are never the same node: a set or a dict tells them apart.
    __hash__ = object.__hash__

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        array = backend.to_cpu(self.array)
        if copy is None:
            return np.asarray(array, dtype=dtype)
        return np.array(array, dtype=dtype, copy=copy)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()

    def __repr__(self) -> str:
        name = '' if self.name is None else f' {self.name}'
        title = f'{type(self).__name__.lower()}{name}'
        if self._array is None:
            return f'{title}(uninitialized)'
        return repr(self._array).replace('array(', f'{title}(', 1).replace('\n     ', '\n' + ' ' * len(title))

    def __str__(self) -> str:
        name = '' if self.name is None else f' {self.name}'
        return f'{type(self).__name__.lower()}{name}({self._array!s})'

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return f'<div>{escape(self.summary())}</div><pre>{escape(str(self._array))}</pre>'

    @property
    def label(self) -> str:
        """Shape and dtype as text, for drawings of the graph."""
        return self.node.label

    def summary(self) -> str:
        """Name, shape, dtype and device in one line."""
        state = 'uninitialized' if self._array is None else f'shape {self.shape}, {self.dtype}, {self.device}'
        return f'{type(self).__name__} {self.name or ""}: {state}'

    def debug_print(self) -> str:
        """`summary`, and the mean and the standard deviation of the array and of the gradient, in lines."""
        lines = [self.summary()]
        for what, var in ('array', self), ('grad', self.grad_var):
            if var is not None and var._array is not None:
                x = backend.to_cpu(var._array)
                lines.append(f'- {what}: mean {x.mean(dtype="d"):.8g}, standard deviation {x.std(dtype="d"):.8g}'
                             if x.size else f'- {what}: empty')
        return '\n'.join(lines)

    # --- copies: a leaf of its own with the same array (copy) or a copy of it (deepcopy, pickle)

    def __getstate__(self) -> dict[str, Any]:
        grad = None if self.grad_var is None else self.grad_var.array
        return {'array': self._array, 'requires_grad': self.requires_grad, 'name': self.name, 'grad': grad}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Variable.__init__(self, state['array'], name=state['name'], grad=state['grad'],
                          requires_grad=state['requires_grad'])

    # Operators and other methods that compute: the package `functions` attaches them, see functions/operators.py.
    # The graph itself knows no numerics.
    if TYPE_CHECKING:
        T: Variable

        def __getitem__(self, key: Any) -> Variable: ...
        def __iter__(self) -> Iterator[Variable]: ...
        def __neg__(self) -> Variable: ...
        def __pos__(self) -> Variable: ...
        def __abs__(self) -> Variable: ...
        def __add__(self, other: Operand) -> Variable: ...
        def __radd__(self, other: Operand) -> Variable: ...
        def __sub__(self, other: Operand) -> Variable: ...
        def __rsub__(self, other: Operand) -> Variable: ...
        def __mul__(self, other: Operand) -> Variable: ...
        def __rmul__(self, other: Operand) -> Variable: ...
        def __truediv__(self, other: Operand) -> Variable: ...
        def __rtruediv__(self, other: Operand) -> Variable: ...
        def __floordiv__(self, other: Operand) -> Variable: ...
        def __rfloordiv__(self, other: Operand) -> Variable: ...
        def __mod__(self, other: Operand) -> Variable: ...
        def __rmod__(self, other: Operand) -> Variable: ...
        def __pow__(self, other: Operand) -> Variable: ...
        def __rpow__(self, other: Operand) -> Variable: ...
        def __matmul__(self, other: Operand) -> Variable: ...
        def __rmatmul__(self, other: Operand) -> Variable: ...
        def __lt__(self, other: Operand) -> Variable: ...
        def __le__(self, other: Operand) -> Variable: ...
        def __gt__(self, other: Operand) -> Variable: ...
        def __ge__(self, other: Operand) -> Variable: ...
        def __eq__(self, other: object) -> Variable: ...  # type: ignore[override]
        def __ne__(self, other: object) -> Variable: ...  # type: ignore[override]
        def reshape(self, *shape: Any) -> Variable: ...
        def transpose(self, *axes: Any) -> Variable: ...
        def flatten(self) -> Variable: ...
        def squeeze(self, axis: Axis = None) -> Variable: ...
        def astype(self, dtype: DTypeLike) -> Variable: ...
        def sum(self, axis: Axis = None, keepdims: bool = False) -> Variable: ...
        def mean(self, axis: Axis = None, keepdims: bool = False) -> Variable: ...
        def max(self, axis: Axis = None, keepdims: bool = False) -> Variable: ...
        def min(self, axis: Axis = None, keepdims: bool = False) -> Variable: ...


def as_variable(obj: ArrayLike) -> Variable:
    """`obj` itself if it is a Variable; otherwise an array as a Variable for which no gradient is wanted."""
    return obj if isinstance(obj, Variable) else Variable(obj, requires_grad=False)  # type: ignore[arg-type]


def as_array(obj: Any) -> Any:
    """The array of a Variable; anything else as it is."""
    return obj.array if isinstance(obj, Variable) else obj


def from_dlpack(obj: Any) -> Variable:
    """A Variable on the memory of another library's array (DLPack), without a copy.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> ann.from_dlpack(np.arange(3.)).array
        array([0., 1., 2.])
    """
    return Variable(backend.from_dlpack(obj))


class Parameter(Variable):
    """A Variable that a `Link` owns and an optimizer updates. Its shape may be settled later.

    Args:
        initializer: What fills the array: a callable that is given the array to fill (an `Initializer`, say), a
            number, an array, or None for NaN.
        shape: The shape; None postpones the allocation until `initialize` (an array as initializer brings its own).
        name: A name for people to read.
        dtype: The array's dtype; by default that of an array or an initializer that has one, or ``config.dtype`` as it
            is when the parameter is made.

    Attributes:
        initializer: As given.
        update_rule: The optimizer's `UpdateRule` for this parameter, or None.
        update_hooks: The hooks that its rule gets in the ``setup`` of any optimizer (see `UpdateRule.add_hook`): what
            belongs to the layer, such as limits, and not to the optimizer.

    Example:
        >>> import autograd_nn as ann
        >>> W = ann.Parameter(0.5)
        >>> W.is_initialized
        False
        >>> W.initialize((2,))
        >>> W
        parameter([0.5, 0.5], dtype=float32)
    """

    update_hooks: Sequence[Callable[..., Any]] = ()

    def __init__(self, initializer: InitializerLike = None, shape: int | tuple[int, ...] | None = None,
                 name: str | None = None, *, dtype: DTypeLike | None = None) -> None:
        self.initializer = initializer
        # A NumPy scalar is a number like Python's; only an array or an initializer object chooses the dtype.
        own = None if isinstance(initializer, np.generic) else getattr(initializer, 'dtype', None)
        self._dtype = get_dtype(own if dtype is None else dtype)
        self._device: backend.Device = backend.CpuDevice()
        self._kept: dict[str, Any] = {}
        self._untouched = passes()
        super().__init__(None, name=name)
        if shape is not None:
            self.initialize(shape)
        elif backend.is_array(initializer):
            self.initialize(initializer.shape)

    @property
    def kept(self) -> dict[str, Any]:
        """A place for what is computed from the array and is worth keeping, such as another format of it.

        The array may change at any time and by any way, so whoever uses this compares what it was made of.
        """
        return self._kept

    @property
    def dtype(self) -> np.dtype:
        """The array's dtype, or the one that it will have."""
        return self._dtype if self._array is None else self._array.dtype

    @property
    def grad(self) -> Any:
        """The gradient as an array, or None.

        A parameter that is new has one of zeros, made when it is asked for, so that a program can write into it: as
        long as it was not cleared, and no backward pass has run since the parameter was made.
        """
        node = self._node
        if (node is None or node.grad_var is None) and self._untouched == passes():
            self.zerograd()
        return Variable.grad.fget(self)  # type: ignore[attr-defined]

    @grad.setter
    def grad(self, grad: Array) -> None:
        self._untouched = -1
        Variable.grad.fset(self, grad)  # type: ignore[attr-defined]

    def cleargrad(self) -> None:
        """Forgets the gradient."""
        self._untouched = -1
        if self._node is not None:
            self._node.grad_var = None

    @property
    def device(self) -> backend.Device:
        """The device that holds the array, or will hold it."""
        return self._device if self._array is None else backend.get_device_from_array(self._array)

    def initialize(self, shape: int | tuple[int, ...]) -> None:
        """Allocates the array and fills it, unless that has been done.

        Args:
            shape: The array's shape.

        Raises:
            ValueError: The initializer is an array of another shape.
        """
        if self._array is not None:
            return
        shape = (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(shape)
        init = self.initializer
        if backend.is_array(init):
            if init.shape != shape:
                raise ValueError(f'Parameter {self.name or ""}: expected an initial array of shape {shape}, '
                                 f'got {init.shape}')
            array = np.array(backend.plain_array(backend.to_cpu(init)), dtype=self.dtype)
        else:
            array = np.empty(shape, self.dtype)
            if callable(init):
                init(array)
            else:
                array[...] = np.nan if init is None else init
        self.array = self._device.send(array)

    def to_device(self, device: DeviceLike) -> None:
        """Moves the array (now, or when it comes into being) and the gradient to a device."""
        self._device = backend.get_device(device)
        super().to_device(self._device)

    def copydata(self, var: Variable) -> None:
        """Copies the array of another Variable into this one's.

        Of two parameters, the one that has no array gets it now, of the other's shape.
        """
        if self._array is None and var._array is not None:
            self.array = self._device.send(np.empty(var.shape, self.dtype))
        elif self._array is not None and isinstance(var, Parameter):
            var.initialize(self.shape)
        super().copydata(var)

    def update(self) -> None:
        """Applies the update rule once, if there is one."""
        if self.update_rule is not None:
            self.update_rule.update(self)

    def __copy__(self) -> Parameter:
        copied = Parameter.__new__(type(self))
        copied.__dict__.update(self.__dict__, _kept={})
        Variable.__setstate__(copied, {**Variable.__getstate__(self), 'grad': None})
        return copied

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), 'attributes': {**self.__dict__, '_kept': {}}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state.pop('attributes'))
        super().__setstate__(state)
