# Runs before a program inside the sandbox: limits its threads, closes what it must not hold, says that it starts, runs it.
# What it prints first comes from here and not from the program; without it the program has not run.
def launch():
    import _signal, builtins, os, resource, sys

    mode = sys.argv[1]
    n_program, n_calls, tasks = map(int, sys.argv[2:5])
    suffix, command = sys.argv[5], sys.argv[6:]

    def read(n):
        parts = []
        while n > 0:
            part = os.read(0, n)
            if not part:
                raise EOFError("the program did not arrive")
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    def write(out, data):
        while data:
            data = data[os.write(out, data):]

    os.environ.clear()
    program = read(n_program)
    calls = compile(read(n_calls), "tests", "exec")
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.close(int(name))
            except OSError:
                pass
    resource.setrlimit(resource.RLIMIT_NPROC, (tasks, tasks))
    if mode == "execute":
        with open("/tmp/main" + suffix, "wb") as out:
            out.write(program)
        write(1, b"started\n")
        os.execve(command[0], command + ["/tmp/main" + suffix], {})
    # the first process of a namespace is not ended by signals that it does not handle, but for SIGKILL
    _signal.signal(_signal.SIGXCPU, lambda *_: os._exit(152))
    sys.argv[:] = ["main.py"]
    sys.path[:] = [place for place in sys.path if place]
    if not hasattr(builtins, "exit"):
        builtins.exit = builtins.quit = sys.exit
    if mode == "run":
        for name in [name for name in globals() if not name.startswith("__")]:
            del globals()[name]
        write(1, b"started\n")
        return compile(program, "main.py", "exec")
    write(1, b"started\n")

    # calls: each answer is a line of plain data, on a copy of the output that prints do not reach
    out = os.dup(1)
    os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    sys.setrecursionlimit(100_000)
    answer_calls(program, calls, lambda line: write(out, line.encode("ascii", "backslashreplace") + b"\n"))
    os._exit(0)


# names that online judges give without an import, by module
GIVEN = {
    "typing": "Any Callable DefaultDict Deque Dict FrozenSet Generator Generic Iterable Iterator List Literal NamedTuple "
    "Optional Sequence Set Tuple Type TypeVar Union",
    "collections": "ChainMap Counter OrderedDict defaultdict deque namedtuple",
    "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
    "bisect": "bisect_left bisect_right insort insort_left insort_right",
    "itertools": "accumulate chain combinations combinations_with_replacement compress count cycle dropwhile filterfalse "
    "groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest",
    "functools": "cache cached_property cmp_to_key lru_cache partial reduce total_ordering wraps",
    "math": "acos asin atan atan2 ceil comb copysign cos dist e exp fabs factorial floor fmod fsum gcd hypot inf isclose "
    "isqrt lcm log log10 log2 nan perm pi prod sin sqrt tan trunc",
    "operator": "add and_ itemgetter attrgetter mul neg not_ or_ sub xor",
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits punctuation",
    "copy": "deepcopy",
    "random": "randint randrange choice shuffle",
    "dataclasses": "dataclass",
    "enum": "Enum",
    "fractions": "Fraction",
    "decimal": "Decimal",
    "datetime": "date timedelta",
}
MODULES = "bisect collections copy datetime decimal fractions functools heapq itertools math operator os random re string sys time"


def answer_calls(program, calls, say):
    import builtins, sys

    def names(code):
        yield from code.co_names
        for constant in code.co_consts:
            if hasattr(constant, "co_names"):
                yield from names(constant)

    def plain(value):
        if value is None or value is True or value is False:
            return repr(value)
        if isinstance(value, int):
            return int.__repr__(value)
        if isinstance(value, float):
            return float.__repr__(value)
        if isinstance(value, str):
            return ascii(str.__str__(value))
        if isinstance(value, bytes):
            return repr(bytes(value))
        if isinstance(value, list):
            return "[" + ",".join([plain(item) for item in value]) + "]"
        if isinstance(value, tuple):
            return "(" + "".join([plain(item) + "," for item in value]) + ")"
        if isinstance(value, dict):
            return "{" + ",".join([plain(key) + ":" + plain(item) for key, item in value.items()]) + "}"
        if isinstance(value, (set, frozenset)):
            return "set([" + ",".join([plain(item) for item in value]) + "])"
        raise TypeError("the answer is no plain data but of type " + type(value).__name__)

    def complaint(error):
        try:
            text = type(error).__name__ + ": " + str(error)
        except BaseException:
            text = "an exception without text"
        return ascii(text[:200])

    try:
        code = compile(program, "main.py", "exec")
        module = type(sys)("solution")
        sys.modules["solution"] = module
        space = module.__dict__
        wanted = set(names(code)) | set(names(calls))
        for origin, given in GIVEN.items():
            found = wanted.intersection(given.split())
            if found:
                source = __import__(origin)
                space.update((name, getattr(source, name)) for name in found if hasattr(source, name))
        for name in wanted.intersection(MODULES.split()) - space.keys():
            space[name] = __import__(name)
        exec(code, space)
        exec(calls, space)
        todo = space["__calls__"]
        candidate = space["__entry__"]()
    except BaseException as error:
        say("failed " + complaint(error))
        return
    for call in todo:
        try:
            answer = "value " + plain(call(candidate))
        except BaseException as error:
            answer = "raised " + complaint(error)
        say(answer)


exec(launch())
