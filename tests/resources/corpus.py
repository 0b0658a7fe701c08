"""Notebooks that ask a kernel all that a notebook could ask, and do all that one could do.

A line that says `interrupt me` has the client interrupt the kernel, `open a comm` has it open a
comm and send a message; `answers` is what it types when it is asked for input.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A notebook: its cells, what lies beside it, and how its client behaves."""

    cells: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str | None] = field(default_factory=dict)  # None: it is taken out
    answers: tuple[str, ...] = ()
    quick: bool = False  # whether it is in the sample that `make test` runs


def case(*cells: str, **options: object) -> Case:
    """Return a notebook with these cells."""
    return Case(cells, **options)


_SVG = "<svg xmlns='http://www.w3.org/2000/svg'><circle r='4'/></svg>"

CORPUS = {
    # What is shown
    "text": case("print('a')", "1", "_ + 1", "None", "'x'; 'y'", "print('a', end='')"),
    "unicode": case(
        "print('größe → €', ascii('é'), '\\N{SNOWMAN}', '𝔘', 'e\\u0301', '\\u202eabc')",
        "größe = {'ключ': '值'}; größe",
        "import sys; sys.stdout.encoding, sys.getfilesystemencoding(), sys.stdin.encoding",
        "print('\\udc80'.encode('utf8', 'surrogateescape'))",
        "from pathlib import Path\nPath('größe.txt').write_text('€'); sorted(Path().glob('*.txt'))",
    ),
    "streams": case(
        "import sys; print('out'); print('err', file=sys.stderr)",
        "sys.stdout.write('x\\r50%\\r100%\\n')",
        "print('\\x1b[31mred\\x1b[0m')",
        "sys.stdout.flush(); sys.stdout.isatty(), sys.stderr.isatty()",
        "print(type(sys.stdout), type(sys.stdin), sys.__stdout__.encoding, sys.__stderr__.errors)",
        "print(sys.__stdin__.read())",
        "import os, time; n = os.write(1, b'by descriptor\\n'); time.sleep(0.3)",
        "print(sys.__stdout__.line_buffering, sys.__stderr__.line_buffering, sys.__stdout__.mode)",
        "import os, stat; print(stat.S_ISFIFO(os.fstat(0).st_mode), os.isatty(0))",
    ),
    "long outputs": case("print('tea ' * 50_000)", "list(range(5000))", "'x' * 100_000"),
    "display": case(
        "d = display('a', display_id=True)\nd.update('b')",
        "h = display({'text/plain': 'p', 'text/html': '<b>p</b>'}, raw=True, display_id='mine')",
        "from IPython.display import *\nupdate_display('c', display_id='mine')",
        "display(HTML('<i>x</i>'), Markdown('*x*'), Latex('$x$'), JSON({'a': 1}))",
        "display(Javascript('1'), Math('x'), Code('x = 1', language='python'))",
        "display(ProgressBar(4))",
        "publish_display_data({'text/plain': 'x'}, metadata={'a': 1})",
        "class T:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        return {'text/plain': 'T', 'application/x-tea': 'tea'}\nT()",
        "class R:\n    def _repr_html_(self): raise ValueError('no')\n"
        "    def __repr__(self): return 'R'\nR()",
        "class P:\n    def _repr_pretty_(self, p, cycle): p.text('pretty')\n[P(), P()]",
        quick=True,
    ),
    "clear_output": case(
        "from IPython.display import clear_output\nprint(1); clear_output(); print(2)",
        "print(1); clear_output(wait=True); print(2)",
        "print(1); clear_output(wait=True)",
        "for i in range(3):\n    clear_output(wait=True); display(i)",
    ),
    "svg": case(
        f"from IPython.display import SVG\nSVG({_SVG!r})",
        "%config InlineBackend.figure_formats = ['svg']\nimport matplotlib.pyplot as plt\n"
        "plt.rcParams['svg.hashsalt'] = 'tea'\nplt.plot([1, 2]);",
    ),
    "figures": case(
        "import matplotlib, matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
        "fig, ax = plt.subplots(); ax.imshow([[1, 2]]);",
        "plt.get_fignums(), matplotlib.get_backend(), matplotlib.is_interactive()",
        "fig",
        "%config InlineBackend.figure_format = 'retina'\nplt.figure(figsize=(2, 1)).gca();",
        "%config InlineBackend.close_figures = False\nplt.plot([5]);",
        "plt.get_fignums()",
        "plt.close('all'); plt.hist([1, 1, 2])",
        "matplotlib.get_configdir(), matplotlib.matplotlib_fname()",
    ),
    "figure settings": case(
        "import matplotlib as m; sorted((k, repr(v)) for k, v in m.rcParams.items())",
        "sorted((k, repr(v)) for k, v in m.rcParamsDefault.items() if m.rcParams[k] != v)",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.rcParams['figure.dpi'] = 50\n"
        "plt.plot([1]);",
        "plt.style.use('ggplot'); plt.plot([1]);",
        "with plt.rc_context({'lines.linewidth': 9}): plt.plot([1, 2])",
        "m.rcdefaults(); m.rcParams['figure.dpi'], m.rcParams['interactive']",
    ),
    "figure file beside it": case(
        "import matplotlib as m, matplotlib.pyplot as plt\n"
        "m.rcParams['lines.linewidth'], m.rcParams['figure.dpi'], m.rcParams['backend']",
        "m.rcParamsOrig['lines.linewidth'], m.rcParamsDefault['lines.linewidth']",
        "plt.plot([1, 2]);",
        files={"matplotlibrc": "lines.linewidth: 7\nfigure.dpi: 40\n"},
    ),
    "inline backend by name": case(
        "from matplotlib_inline.backend_inline import set_matplotlib_formats\n"
        "set_matplotlib_formats('png', 'svg')",
        "import matplotlib.pyplot as plt; plt.rcParams['svg.hashsalt'] = 'tea'; plt.plot([1]);",
        "from matplotlib_inline.config import InlineBackend\n"
        "InlineBackend.instance().figure_formats",
        "sorted(c.__name__ for c in get_ipython().display_formatter.formatters['image/png']"
        ".type_printers)",
    ),
    "headless backend": case(
        "import matplotlib.pyplot as plt, matplotlib; plt.plot([1]); plt.show()",
        "matplotlib.get_backend(), matplotlib.rcParams['backend']",
        environment={"MPLBACKEND": "agg"},
    ),
    "tables": case(
        "import pandas as pd; pd.DataFrame({'a': [1], 'b': ['<x>']})",
        "import numpy as np; pd.DataFrame(np.arange(60).reshape(2, 30))",
        "print(pd.DataFrame(np.arange(60).reshape(2, 30)))",
        "pd.DataFrame({'x': range(100)})",
        "pd.Series([1.5, None], name='s')",
        "pd.DataFrame({'a': [1, 2]}).style.highlight_max().set_uuid('x')",
        "pd.DataFrame({'a': [1, 2]}).info()",
        "pd.describe_option()",
        "pd.set_option('display.max_rows', 3); pd.DataFrame({'x': range(9)})",
        "np.set_printoptions(precision=2); np.array([1 / 3]), np.get_printoptions()",
        "np.geterr(), np.geterrcall(), np.array([1.0]) / 0",
        quick=True,
    ),
    "estimators": case(
        "from sklearn.linear_model import LinearRegression; LinearRegression()",
        "from sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import StandardScaler\n"
        "p = make_pipeline(StandardScaler(), LinearRegression()).fit([[1], [2]], [1, 2]); p",
        "p.predict([[3]])",
        "import sklearn; sklearn.get_config()",
        "from sklearn.svm import SVC; from sklearn.datasets import load_digits\n"
        "x, y = load_digits(return_X_y=True); SVC().fit(x[:200], y[:200]).score(x, y)",
        "from sklearn.ensemble import RandomForestClassifier\n"
        "RandomForestClassifier(8, random_state=0, n_jobs=2).fit(x[:99], y[:99]).score(x, y)",
        "from sklearn.cluster import KMeans; KMeans(3, random_state=0).fit(x).inertia_.round(6)",
        "LinearRegression().fit([[1], [2]], [1])",
    ),
    "thread pools": case(
        "import numpy, sklearn.svm, scipy.linalg, threadpoolctl, os\n"
        "def pools():\n    return sorted((p['user_api'], p['prefix'], p['num_threads'])"
        " for p in threadpoolctl.threadpool_info())\npools()",
        "with threadpoolctl.threadpool_limits(1): print(pools())",
        "pools(), os.cpu_count(), len(os.sched_getaffinity(0))",
        "a = numpy.random.default_rng(0).normal(size=(300, 300)); float((a @ a).sum().round(6))",
        "import joblib; joblib.cpu_count(), joblib.effective_n_jobs(-1)",
    ),
    "one thread": case(
        "import numpy, sklearn.svm, scipy.linalg, threadpoolctl\n"
        "sorted((p['user_api'], p['prefix'], p['num_threads'])"
        " for p in threadpoolctl.threadpool_info())",
        environment={"OPENBLAS_NUM_THREADS": "1"},
    ),
    "threads by level": case(
        "import numpy, sklearn.svm, scipy.linalg, threadpoolctl\n"
        "sorted((p['user_api'], p['prefix'], p['num_threads'])"
        " for p in threadpoolctl.threadpool_info())",
        environment={"OMP_NUM_THREADS": "2,1"},
    ),
    "more threads than cores": case(
        "import numpy, sklearn.svm, scipy.linalg, threadpoolctl\n"
        "sorted((p['user_api'], p['prefix'], p['num_threads'])"
        " for p in threadpoolctl.threadpool_info())",
        environment={"OMP_NUM_THREADS": "5"},
    ),
    # How it talks with its client
    "input refused": case("input('?')", "print('on')", "import getpass; getpass.getpass()"),
    "input": case(
        "name = input('who? '); print(name)",
        "import getpass; getpass.getpass('secret? ')",
        "[input() for _ in range(2)]",
        "import sys; sys.stdin.readline()",
        answers=("Ada", "größe", "1", "2"),
    ),
    "debugger": case("def f(x):\n    breakpoint()\n    return x\nf(3)", answers=("p x + 1", "c")),
    "debugger after": case("1 / 0", "%debug", "%pdb off\n%pdb", answers=("p 1 + 1", "q")),
    "comms": case(
        "from comm import create_comm, get_comm_manager\n"
        "c = create_comm(target_name='x', comm_id='mine', data={'a': 1}, buffers=[b'z'])\n"
        "c.send({'b': 2}); c.close()",
        "type(c).__name__, type(get_comm_manager()).__name__, sorted(get_comm_manager().targets)",
        "got = []\ndef opened(comm, msg):\n    got.append(msg['content']['data'])\n"
        "    comm.on_msg(lambda m: got.append(m['content']['data']))\n"
        "    comm.send({'hello': 1})\nget_comm_manager().register_target('tea', opened)",
        "print('open a comm')",
        "import time; time.sleep(0.3)",
        "got, len(get_comm_manager().comms)",
        "get_ipython().kernel.comm_manager is get_comm_manager()",
    ),
    "widget by hand": case(
        "from comm import create_comm\n"
        "m = {'version': '2.1.0'}\n"
        "c = create_comm(target_name='jupyter.widget', comm_id='w1', metadata=m, data={'state': "
        "{'_model_name': 'IntSliderModel', '_model_module': '@jupyter-widgets/controls', "
        "'_model_module_version': '2.0.0', 'value': 3}, 'buffer_paths': []})",
        "display({'application/vnd.jupyter.widget-view+json': {'version_major': 2, "
        "'version_minor': 0, 'model_id': 'w1'}, 'text/plain': 'IntSlider(value=3)'}, raw=True)",
        "c.send({'method': 'update', 'state': {'value': 9}, 'buffer_paths': []})",
    ),
    "interrupts": case(
        "x = 1\nprint('interrupt me', flush=True)\nwhile True: pass",
        "x",
        "import time\nprint('interrupt me', flush=True)\ntime.sleep(60)",
        "print('on')",
        quick=True,
    ),
    "interrupts of what waits": case(
        "import time\ntry:\n    print('interrupt me', flush=True)\n    time.sleep(60)\n"
        "except KeyboardInterrupt: print('caught')",
        "print('interrupt me', flush=True)\n!sleep 3",
        "import asyncio\nprint('interrupt me', flush=True)\nawait asyncio.sleep(3)",
        "import subprocess\nprint('interrupt me', flush=True)\nsubprocess.run(['sleep', '3'])",
        "print('on')",
    ),
    "exits": case("import os; os._exit(3)", "print('never')"),
    "is killed": case("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "print(1)"),
    "crashes": case("import ctypes; ctypes.string_at(0)", "print('never')"),
    "terminates": case("import os, signal; os.kill(os.getpid(), 15)", "print('never')"),
    "aborts": case("import os; os.abort()", "print('never')"),
    "quits": case("exit", "print('never')"),
    "sys.exit": case("import sys; sys.exit(4)", "print('on')", "raise SystemExit('x')"),
    # Errors
    "errors": case(
        "def f():\n    return 1 / 0\nf()",
        "x =",
        "try:\n    f()\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e",
        "try:\n    f()\nexcept ZeroDivisionError:\n    unknown",
        "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])",
        "import numpy; numpy.zeros(3).reshape(2, 2)",
        "import pandas; pandas.DataFrame({'a': [1]})['b']",
        "class E(Exception):\n    def __str__(self): return 1 / 0\nraise E",
        "import json; json.loads('{')",
        "import no_such_module",
        "from json import no_such_name",
        "e = ValueError('x'); e.add_note('note'); raise e",
        "assert 1 == 2, 'why'",
        "import traceback\ntry: f()\nexcept ZeroDivisionError: traceback.print_exc()",
    ),
    "endless recursion": case("def g(): g()\ng()"),
    "error styles": case(
        "%xmode Minimal\n1 / 0",
        "%xmode Verbose\n1 / 0",
        "%xmode Plain\n1 / 0",
        "%tb",
        "def show(shell, kind, value, tb, tb_offset=None): print('mine', value)\n"
        "get_ipython().set_custom_exc((ZeroDivisionError,), show)\n1 / 0",
        "import sys; sys.last_type, sys.last_value",
        "import sys; sys.excepthook, sys.unraisablehook, sys.displayhook.__class__",
        "class D:\n    def __del__(self): 1 / 0\nd = D(); del d",
    ),
    "warnings": case(
        "import warnings\nfor _ in range(2): warnings.warn('once')",
        "warnings.warn('old', DeprecationWarning)",
        "warnings.warn('future', FutureWarning)",
        "def f(): warnings.warn('in f', stacklevel=2)\nf(); f()",
        "with warnings.catch_warnings(record=True) as w:\n    warnings.simplefilter('always')\n"
        "    f()\nlen(w)",
        "warnings.filterwarnings('error'); f()",
        "warnings.resetwarnings(); f()",
        "import sys; sys.warnoptions",
        "'\\d'",
        "import numpy; numpy.log(-1)",
    ),
    # What libraries add is there before they are imported; what a kernel begins with is the same.
    "filters": case(
        "import warnings\n[f for f in warnings.filters"
        " if f[2].__module__ == 'builtins' and f[2] is not Warning and not f[1]]",
        "import pandas, sklearn, matplotlib.pyplot; warnings.warn('old', DeprecationWarning)",
    ),
    "warning options": case(
        "import warnings, sys; sys.warnoptions",
        "[f for f in warnings.filters if f[2] is UserWarning]",
        "warnings.warn('x')",
        environment={"PYTHONWARNINGS": "error::UserWarning"},
    ),
    "logging": case(
        "import logging; logging.root.handlers, logging.root.level, logging.lastResort",
        "logging.warning('first')",
        "logging.root.handlers",
        "logging.basicConfig(level='INFO', force=True, format='%(levelname)s %(message)s')\n"
        "logging.info('second')",
        "logging.getLogger('tea').error('x', exc_info=ValueError('v'))",
        "logging.captureWarnings(True); import warnings; warnings.warn('w')",
        "r = logging.LogRecord('n', 20, 'p', 1, 'm', (), None)\n"
        "r.relativeCreated < 30_000, r.processName, r.threadName",
        "import os, time; r.process == os.getpid(), r.created > time.time() - 60",
        quick=True,
    ),
    # History, magics, shell
    "history": case(
        "1 + 1",
        "In, Out",
        "_, __, _i, _ii, _1, _oh",
        "%history",
        "%history -n 1-2",
        "%recall 1",
        "_dh == [__import__('pathlib').Path.cwd()], _ih[1]",
        "%rerun 1",
        "%macro m 1\nm",
        "%hist -o -p",
        "%reset -f\nprint(sorted(k for k in globals() if not k.startswith('_')))",
    ),
    "magics": case(
        "%timeit -n1 -r1 -q 1\n%who",
        "a = 1\n%who\n%whos\n%who_ls int",
        "%lsmagic",
        "%env TEA=Darjeeling\nimport os; os.environ['TEA']",
        "%set_env CUP=1\n%env CUP",
        "%%writefile mod.py\nx = 5\nprint('ran as', __name__)",
        "%run mod.py\nx",
        "%run -n mod.py",
        "import mod; mod.x",
        "%load_ext autoreload\n%autoreload 2",
        "%pwd",
        "%cd -q /\nimport os; os.getcwd()",
        "%pdb off\n%config InteractiveShell.ast_node_interactivity",
        "%config InteractiveShell.ast_node_interactivity = 'all'\n1\n2",
        "%precision 3\n1 / 3",
        "%%capture c\nprint('x')",
        "c.stdout",
        "%unknown_magic",
        "%alias hi echo hi %s\n%hi you",
        "%pinfo os.getcwd",
        "%%python\nimport sys; print(len(sys.argv), __name__)",
        "%matplotlib inline",
        "%store",
        "%%prun -q -s cumulative\npass",
    ),
    "shell": case(
        "!echo $0; pwd",
        "!false",
        "_exit_code",
        "x = !printf 'a\\nb\\n'\nx",
        "%%bash\necho out; echo err >&2; exit 3",
        "%%bash\nset -u; echo ${HOME:+home} $TZ $(umask) $PWD; ulimit -n -c",
        "%%sh --out o\necho kept",
        "o",
        "%sx echo sx",
        "!ls; tty; echo $TERM $COLUMNS $PAGER $GIT_PAGER",
        "!trap; ps -o stat= -p $$",
    ),
    "help": case("help(len)", "len?", "len??", "import json\njson.dumps?", "*int*?"),
    "completion": case(
        "get_ipython().complete('imp')",
        "import os\nget_ipython().complete('os.get')",
        "import pandas\nlen(get_ipython().complete('pandas.read_')[1])",
    ),
    "configuration": case(
        "import traitlets\nget_ipython().config, type(get_ipython()).__name__",
        "sorted((n, repr(v)) for n, v in get_ipython().trait_values().items() if n in"
        " get_ipython().traits(config=True))",
        "sorted(get_ipython().events.callbacks), [len(v) for _, v in"
        " sorted(get_ipython().events.callbacks.items())]",
        "sorted(str(k) for f in get_ipython().display_formatter.formatters.values()"
        " for k in [*f.type_printers, *f.deferred_printers] if 'numpy' not in str(k))",
        "sorted(get_ipython().extension_manager.loaded)",
        "import sys; sys.ps1, sys.ps2, hasattr(sys, 'last_type')",
        "get_ipython().kernel.implementation, get_ipython().kernel.language_info",
        "get_ipython().user_ns is globals(), get_ipython().user_module.__name__",
        "get_ipython().history_manager.enabled, get_ipython().profile",
    ),
    "start-up files": case(
        "started, get_ipython().ast_node_interactivity",
        "1\n2",
        files={
            "ipython/profile_default/startup/00_tea.py": "import os; started = os.getcwd()",
            "ipython/profile_default/ipython_config.py": "c.InteractiveShell"
            ".ast_node_interactivity = 'all'",
        },
        environment={"IPYTHONDIR": "{folder}/ipython"},
    ),
    # The process
    "namespace": case(
        "sorted(globals())",
        "__name__, __doc__, __builtins__.__name__, __spec__, __loader__",
        "__file__",
        "import sys; m = sys.modules['__main__']; m, m.__dict__ is globals()",
        "import __main__; __main__ is m, hasattr(m, '__file__')",
        "sorted(vars(__builtins__))",
        "locals() is globals()",
        "import inspect; inspect.currentframe().f_back is None,"
        " [f.function for f in inspect.stack()][:10]",
        quick=True,
    ),
    "interpreter": case(
        "import sys; sys.flags, sys.warnoptions, sys._xoptions, sys.executable, sys.prefix",
        "sys.path, sys.argv[1:2], sys.orig_argv[:4]",
        "[type(f).__name__ if isinstance(f, object) else f for f in sys.meta_path]",
        "sys.path_hooks, sys.dont_write_bytecode, sys.pycache_prefix, sys.gettrace()",
        "sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits()",
        "sys.gettrace(), sys.getprofile(), sys.get_asyncgen_hooks(), sys.breakpointhook",
        "import gc; gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.garbage",
        "gc.collect() >= 0",
        "import faulthandler; faulthandler.is_enabled()",
        "import site; site.ENABLE_USER_SITE, site.getusersitepackages()",
        "import tracemalloc, decimal; tracemalloc.is_tracing(), decimal.getcontext()",
        "import socket; socket.getdefaulttimeout()",
        "import codecs, encodings; codecs.lookup('utf8').name",
        "'torch' in sys.modules, 'tensorflow' in sys.modules",
    ),
    "process": case(
        "import os; os.getpgid(0) == os.getpid() == os.getsid(0), os.getppid() > 1",
        "import resource as r; [(n, r.getrlimit(getattr(r, n))) for n in dir(r)"
        " if n.startswith('RLIMIT')]",
        "os.nice(0), sorted(os.sched_getaffinity(0)), os.sched_getscheduler(0)",
        "import threading; threading.active_count(), threading.main_thread().native_id == "
        "os.getpid(), threading.current_thread() is threading.main_thread()",
        "sum(t.daemon for t in threading.enumerate())",
        "from signal import *\nfor s in sorted(valid_signals()): print(s, getsignal(s))",
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.getitimer(0)",
        "[l for l in open('/proc/self/status') if l.startswith(('Sig', 'Shd', 'Cap', 'Uid', 'Gid',"
        " 'Groups', 'NoNewPrivs', 'Seccomp', 'Umask', 'Cpus_allowed'))"
        " and not l.startswith(('SigQ', 'SigPnd'))]",
        "open('/proc/self/oom_score_adj').read(), open('/proc/self/comm').read()",
        "open('/proc/self/cgroup').read(), [os.readlink(f'/proc/self/ns/{n}')"
        " for n in sorted(os.listdir('/proc/self/ns'))]",
        "import atexit; atexit._ncallbacks() < 40",
        "os.stat('/proc/self/exe').st_ino == os.stat(__import__('sys').executable).st_ino",
        "import time; time.process_time() < 30, time.tzname, time.timezone",
    ),
    "environment": case(
        "import os\nfor k, v in sorted(os.environ.items()):\n"
        "    if not k.startswith('KMP'): print(f'{k}={v}')",
        "import subprocess; print(subprocess.run(['env'], capture_output=True, text=True).stdout"
        ".count('TEA=Assam'))",
        "import tempfile; tempfile.gettempdir()",
        "import shutil; shutil.which('tea')",
        "!tea",
        "os.environ.get('LANGUAGE'), os.environ.get('SHLVL')",
        "os.path.expanduser('~'), os.path.expandvars('$TEA')",
        "import time; time.tzname, time.localtime(0)[:5]",
        "import datetime; datetime.datetime.fromtimestamp(0).astimezone().isoformat()",
        "import ctypes; ctypes.CDLL(None).getenv(b'SHLVL')",
        files={"bin/tea": "#!/bin/sh\necho from the path\n", "tmp/x": ""},
        environment={
            "TEA": "Assam",
            "TZ": "Asia/Kolkata",
            "PATH": "{folder}/bin:{PATH}",
            "TMPDIR": "{folder}/tmp",
            "SHLVL": None,
        },
        quick=True,
    ),
    "locale": case(
        "from locale import *; setlocale(LC_ALL), getpreferredencoding(), localeconv()",
        "import locale; locale.getlocale(), locale.getdefaultlocale()",
        "f'{1234.5:n}', 1234.5.__format__('n')",
        environment={"LC_ALL": "C.UTF-8"},
    ),
    "plain locale": case(
        "import locale, sys; locale.setlocale(locale.LC_ALL), sys.flags.utf8_mode",
        "print('größe', sys.__stdout__.encoding, sys.getfilesystemencoding())",
        environment={"LC_ALL": "C", "LANG": None},
    ),
    "random state": case(
        "import random; r = random.Random(1); r.random()",
        "random.seed(1); random.random(), random.choice('abc')",
        "import numpy as np; np.random.seed(1); np.random.rand(), np.random.permutation(5)",
        "np.random.default_rng(1).normal(), np.random.get_state()[0]",
        "type(np.random.mtrand._rand._bit_generator).__name__",
        "import uuid; uuid.uuid5(uuid.NAMESPACE_DNS, 'tea')",
        "from sklearn.utils import check_random_state; check_random_state(None) is "
        "np.random.mtrand._rand",
    ),
    "hash seed": case(
        "import sys; sys.flags.hash_randomization, hash('tea')",
        "{'tea', 'cup', 'milk'}",
        environment={"PYTHONHASHSEED": "7"},
    ),
    "local modules": case(
        "import statistics, helper; statistics.__file__.endswith('statistics.py'), helper.x",
        "statistics.mine",
        "import zoneinfo_; zoneinfo_.y",
        "import sys; [p for p in sys.path if 'site' not in p and 'lib' not in p]",
        "import soupsieve; soupsieve.z",
        files={
            "statistics.py": "mine = 1",
            "helper.py": "x = 2",
            "zoneinfo_/__init__.py": "y = 3",
            "soupsieve.py": "z = 4",
        },
        quick=True,
    ),
    # Work
    "subprocesses": case(
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import sys; "
        "print(sys.argv, sys.path[0], sys.stdin.read())'], capture_output=True, text=True)",
        "subprocess.check_output(['sh', '-c', 'umask; ulimit -n; echo $TZ'])",
        "subprocess.check_output(['sh', '-c', 'ls -l /proc/self/fd | wc -l'])",
        "p = subprocess.Popen(['cat'], stdin=-1, stdout=-1); p.communicate(b'x')",
        "subprocess.run(['false'], check=True)",
        "import os; os.system('exit 3') >> 8, os.popen('echo x').read()",
        "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)[1]",
        "p = os.fork()\nif p == 0: os._exit(5)\nos.waitstatus_to_exitcode(os.waitpid(p, 0)[1])",
        "subprocess.run([sys.executable, '-c', 'import signal as s; print([s.getsignal(n) for n in"
        " sorted(s.valid_signals())])'], capture_output=True).stdout",
    ),
    "multiprocessing": case(
        "from multiprocessing import get_context, current_process, active_children\n"
        "with get_context('fork').Pool(2) as p: print(p.map(abs, [-1, -2]))",
        "import job\nwith get_context('spawn').Pool(1) as p: print(p.map(job.double, [2]))",
        "with get_context('forkserver').Pool(1) as p: print(p.map(job.double, [2]))",
        "current_process().name, current_process()._identity, active_children()",
        "def f(q): q.put(len(current_process().authkey))\n"
        "q = get_context('fork').Queue(); p = get_context('fork').Process(target=f, args=(q,))\n"
        "p.start(); print(q.get(), p.name); p.join(); p.exitcode",
        "def g(x): return x\nimport multiprocessing as m; m.get_start_method(allow_none=True)",
        "from multiprocessing.shared_memory import SharedMemory\n"
        "s = SharedMemory(create=True, size=8); s.buf[0] = 7; print(s.buf[0]); s.close();"
        " s.unlink()",
        "p = get_context('spawn').Process(target=g, args=(1,)); p.start(); p.join(); p.exitcode",
        files={"job.py": "def double(x):\n    return 2 * x\n"},
    ),
    "executors": case(
        "from concurrent.futures import *\n"
        "with ThreadPoolExecutor(2) as e: print(list(e.map(abs, [-1])))",
        "import job\nwith ProcessPoolExecutor(2) as e: print(list(e.map(job.double, [1, 2])))",
        "import joblib; joblib.Parallel(2)(joblib.delayed(job.double)(i) for i in range(3))",
        "joblib.Parallel(2)(joblib.delayed(lambda x: x + 1)(i) for i in range(3))",
        "joblib.Parallel(2, prefer='threads')(joblib.delayed(abs)(i) for i in (-1, 1))",
        "import threading; e = ThreadPoolExecutor(1); e.submit(threading.current_thread).result()"
        ".name",
        files={"job.py": "def double(x):\n    return 2 * x\n"},
    ),
    "threads": case(
        "import threading\nt = threading.Thread(target=print, args=('from a thread',))\n"
        "t.start(); t.join(); t.name",
        "def fail(): raise ValueError('in a thread')\n"
        "t = threading.Thread(target=fail, name='mine'); t.start(); t.join()",
        "threading.Timer(0.01, lambda: None).start()",
        "l = threading.local(); hasattr(l, 'x'), threading.excepthook.__name__",
        "import _thread; _thread.stack_size(), threading.stack_size()",
    ),
    "asyncio": case(
        "import asyncio; await asyncio.sleep(0.01, 'slept')",
        "async def f(x): return x\nawait asyncio.gather(f(1), f(2))",
        "asyncio.run(f(1))",
        "type(asyncio.get_event_loop()).__name__, asyncio.get_event_loop().is_running()",
        "type(asyncio.get_event_loop_policy()).__name__",
        "p = await asyncio.create_subprocess_exec('echo', 'x', stdout=-1)\nawait p.communicate()",
        "await asyncio.to_thread(lambda: 3)",
        "async for x in f(1): pass",
        "t = asyncio.create_task(f(9)); await asyncio.sleep(0.01); t.done(), t.result()",
        "r, w = await asyncio.open_connection(host='127.0.0.1', port=1)",
    ),
    "classes": case(
        "from dataclasses import dataclass\n@dataclass(order=True)\nclass D:\n    a: int = 1\nD()",
        "import pickle; pickle.loads(pickle.dumps(D(3))), D.__module__, D",
        "import inspect\ndef f(x):\n    'A tea.'\n    return x\nprint(inspect.getsource(f))",
        "print(inspect.getsource(D))",
        "inspect.getmodule(f), inspect.signature(f)",
        "from typing import *\nclass N(NamedTuple):\n    a: int\nN(1), get_type_hints(N)",
        "def g():\n    '''\n    >>> g()\n    3\n    '''\n    return 3\n"
        "import doctest; doctest.testmod()",
        "def h():\n    '''\n    >>> h()\n    4\n    '''\n    return 3\ndoctest.testmod().failed",
        "import copyreg, copy; copy.deepcopy(D(4)), pickle.dumps(D(3))",
        "from abc import ABC, abstractmethod\nclass A(ABC):\n    @abstractmethod\n"
        "    def f(self): ...\nA()",
        "import joblib, cloudpickle; cloudpickle.loads(cloudpickle.dumps(lambda: D(5)))()",
        "import enum\nclass E(enum.Enum):\n    X = 1\nE.X, pickle.loads(pickle.dumps(E.X))",
    ),
    "files": case(
        "import os\nf = open('x', 'w'); f.write('tea'); f.close(); f.fileno",
        "f = open('x'); f.read(), f.encoding, f.line_buffering",
        "import mmap; m = mmap.mmap(os.open('x', os.O_RDWR), 3); m[:2]",
        "open('none')",
        "import tempfile\nwith tempfile.TemporaryDirectory() as d: print(os.stat(d).st_mode)",
        "os.stat('x').st_mode, sorted(os.listdir())",
        "import numpy as np; a = np.memmap('m', mode='w+', shape=4); a[:] = 1; a.flush(); a",
        "import pandas as pd; pd.DataFrame({'a': [1]}).to_csv('t.csv'); pd.read_csv('t.csv')",
        "os.umask(0o077); open('y', 'w').close(); oct(os.stat('y').st_mode)",
        "import fcntl; g = open('x'); fcntl.flock(g, fcntl.LOCK_EX | fcntl.LOCK_NB)",
    ),
    "databases": case(
        "import sqlite3; c = sqlite3.connect('t.db'); c.execute('create table t (a)')",
        "c.execute('insert into t values (1)'); c.commit()",
        "c.execute('select * from t').fetchall()",
        "sqlite3.adapters == {} or len(sqlite3.adapters)",
        "import pandas as pd; pd.read_sql('select * from t', c)",
        "c.close(); c.execute('select 1')",
    ),
    "security": case(
        "import ssl, hashlib, secrets, os\nhashlib.sha256(b'x').hexdigest()",
        "len(secrets.token_bytes()), len(os.urandom(4)), ssl.RAND_status()",
        "ssl.create_default_context().verify_mode, ssl.OPENSSL_VERSION",
        "import hmac; hmac.new(b'k', b'm', 'sha1').hexdigest()",
    ),
    "sockets": case(
        "import socket; a, b = socket.socketpair(); a.send(b'x'); b.recv(1)",
        "s = socket.create_server(('127.0.0.1', 0)); s.getsockname()[0], s.get_inheritable()",
        "import http.server, threading, urllib.request\n"
        "h = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\n"
        "threading.Thread(target=h.serve_forever, daemon=True).start()",
        "urllib.request.urlopen(f'http://127.0.0.1:{h.server_port}/page').read(); h.shutdown()",
        files={"page": "tea"},
        environment={"no_proxy": "*"},
    ),
    "signals": case(
        "import signal, os, time\nsignal.signal(signal.SIGUSR1, lambda *_: print('usr1'))\n"
        "os.kill(os.getpid(), signal.SIGUSR1); time.sleep(0.1)",
        "signal.setitimer(signal.ITIMER_REAL, 0.1)\n"
        "signal.signal(signal.SIGALRM, lambda *_: print('alarm'))\ntime.sleep(0.3)",
        "signal.set_wakeup_fd(-1) >= -1, signal.getsignal(signal.SIGINT)",
        "import sys; sys.stdout.flush(); r, w = os.pipe(); os.close(r)",
        "os.write(w, b'x')",
    ),
    "last words": case(
        "import atexit, pathlib, weakref\n"
        "atexit.register(lambda: pathlib.Path('left').write_text('bye'))",
        "class T: pass\nt = T(); f = weakref.finalize(t, pathlib.Path('final').write_text, 'x')",
        "f.alive, f.atexit",
    ),
    "progress": case(
        "from tqdm import tqdm\nfor _ in tqdm(range(2), bar_format='{n_fmt}'): pass",
        "from tqdm.auto import tqdm as t; t.__name__, t.__module__, t.__mro__[1].__name__",
        "from rich.console import Console; c = Console(); c.is_jupyter, c.width",
        "import rich; rich.print({'a': 1}, '[bold]x[/]')",
    ),
    "reloads": case(
        "import importlib, json, sklearn; importlib.reload(json) is json",
        "import sys; importlib.reload(sklearn) is sklearn, sklearn.__spec__.name",
        "import sklearn.svm; sklearn.svm.SVC.__module__, sys.modules['sklearn.svm'].__spec__.name",
        "from sklearn import svm; svm is sklearn.svm, importlib.util.find_spec('sklearn').origin",
    ),
}
