#include "bindings/python_reactor.h"

#include <deque>
#include <new>

#include "bindings/python_dispatch.h"

namespace tidemill::script {
namespace {

// What waits to be called, shared by a reactor object and the handles of its timers: a handle that outlives the reactor finds no core.
// The functions belong to the reactor: only it shows them to the collector, and only it lets go of them when it ends.
struct Waiting {
    struct Timer {
        PyObject* function = nullptr;
        std::uint64_t id = 0;  // in the core
        bool is_periodic = false;
    };

    long holders = 1;
    ReactorCore* core = nullptr;
    SlotMap<Timer> timers;  // a timer's ticket is its id here, below 0
    std::deque<PyObject*> ticks;
    std::deque<PyObject*> posted;

    void release() {
        if (--holders == 0) delete this;
    }

    // Whatever a function's end may call finds everything empty.
    void drop() {
        const std::vector<Timer> dropped_timers = timers.take_all();  // a handle of before must not mean a timer of afterwards
        std::deque<PyObject*> dropped = std::exchange(ticks, {});
        for (PyObject* function : std::exchange(posted, {})) Py_DECREF(function);
        for (PyObject* function : dropped) Py_DECREF(function);
        for (const Timer& timer : dropped_timers) Py_DECREF(timer.function);
    }
};

struct PythonReactor {
    PyObject_HEAD
    Waiting* waiting;
    PyObject* owner;  // SWIG's object, which keeps the core
};

struct PythonTimer {
    PyObject_HEAD
    Waiting* waiting;
    SlotMap<Waiting::Timer>::Id id;
};

PyTypeObject* timer_type;

Waiting& waiting_in(PyObject* reactor) {
    return *reinterpret_cast<PythonReactor*>(reactor)->waiting;
}

// nullptr with an exception set: the subclass did not call __init__.
ReactorCore* core_in(PyObject* reactor) {
    ReactorCore* core = waiting_in(reactor).core;
    if (core == nullptr) PyErr_SetString(PyExc_RuntimeError, "Reactor.__init__() was not called");
    return core;
}

bool check_callable(PyObject* function) {
    if (PyCallable_Check(function)) return true;
    PyErr_Format(PyExc_TypeError, "function must be callable, not %.200s", Py_TYPE(function)->tp_name);
    return false;
}

// Calls the facade; what it throws becomes the Python exception and the answer false.
template <class Call>
bool succeeds(Call call) {
    try {
        call();
        return true;
    } catch (const Failure& failure) {
        raise_in_python(failure.error);
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    }
    return false;
}

// ---- the reactor ----

PyObject* reactor_new(PyTypeObject* type, PyObject*, PyObject*) {
    PyObject* object = type->tp_alloc(type, 0);
    if (object == nullptr) return nullptr;
    auto* waiting = new (std::nothrow) Waiting;
    reinterpret_cast<PythonReactor*>(object)->waiting = waiting;
    if (waiting != nullptr) return object;
    Py_DECREF(object);
    return PyErr_NoMemory();
}

int reactor_traverse(PyObject* object, visitproc visit, void* arg) {
    auto* reactor = reinterpret_cast<PythonReactor*>(object);
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(reactor->owner);
    if (reactor->waiting == nullptr) return 0;
    for (PyObject* function : reactor->waiting->ticks) Py_VISIT(function);
    for (PyObject* function : reactor->waiting->posted) Py_VISIT(function);
    int result = 0;
    reactor->waiting->timers.for_each([&](const Waiting::Timer& timer) {
        if (result == 0) result = visit(timer.function, arg);
    });
    return result;
}

int reactor_clear(PyObject* object) {
    auto* reactor = reinterpret_cast<PythonReactor*>(object);
    if (reactor->waiting != nullptr) {
        reactor->waiting->core = nullptr;
        reactor->waiting->drop();
    }
    Py_CLEAR(reactor->owner);
    return 0;
}

void reactor_dealloc(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    reactor_clear(object);
    if (Waiting* waiting = reinterpret_cast<PythonReactor*>(object)->waiting) waiting->release();
    type->tp_free(object);
    Py_DECREF(type);
}

PyObject* next_tick(PyObject* self, PyObject* function) {
    if (!check_callable(function)) return nullptr;
    ReactorCore* core = core_in(self);
    if (core == nullptr || !succeeds([&] {
            core->next_tick();
            waiting_in(self).ticks.push_back(function);
        })) {
        return nullptr;
    }
    Py_INCREF(function);
    Py_RETURN_NONE;
}

PyObject* post(PyObject* self, PyObject* function) {
    if (!check_callable(function)) return nullptr;
    ReactorCore* core = core_in(self);
    if (core == nullptr) return nullptr;
    std::deque<PyObject*>& posted = waiting_in(self).posted;
    if (!succeeds([&] { posted.push_back(function); })) return nullptr;
    if (!succeeds([&] { core->post(); })) {
        posted.pop_back();
        return nullptr;
    }
    Py_INCREF(function);
    Py_RETURN_NONE;
}

// seconds and function, by place or by name.
bool parse_timer(PyObject* const* arguments, Py_ssize_t count, PyObject* names, double& seconds, PyObject*& function) {
    PyObject* made = nullptr;
    if (count == 2 && names == nullptr) {
        made = arguments[0];
        function = arguments[1];
    } else {
        for (Py_ssize_t i = 0; i < count; ++i) (i == 0 ? made : function) = i < 2 ? arguments[i] : nullptr;
        const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
        for (Py_ssize_t i = 0; i < named; ++i) {
            PyObject* name = PyTuple_GET_ITEM(names, i);
            PyObject** place = PyUnicode_CompareWithASCIIString(name, "seconds") == 0    ? &made
                               : PyUnicode_CompareWithASCIIString(name, "function") == 0 ? &function
                                                                                         : nullptr;
            if (place == nullptr || *place != nullptr) {
                PyErr_Format(PyExc_TypeError, "unexpected or repeated argument '%U'", name);
                return false;
            }
            *place = arguments[count + i];
        }
        if (count + named != 2 || made == nullptr || function == nullptr) {
            PyErr_SetString(PyExc_TypeError, "two arguments are needed: seconds and function");
            return false;
        }
    }
    if (!check_callable(function)) return false;
    seconds = PyFloat_AsDouble(made);
    return seconds != -1.0 || PyErr_Occurred() == nullptr;
}

PyObject* add_timer(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names, bool is_periodic) {
    double seconds = 0;
    PyObject* function = nullptr;
    if (!parse_timer(arguments, count, names, seconds, function)) return nullptr;
    ReactorCore* core = core_in(self);
    if (core == nullptr) return nullptr;
    PythonTimer* handle = PyObject_New(PythonTimer, timer_type);
    if (handle == nullptr) return nullptr;
    Waiting& waiting = waiting_in(self);
    handle->waiting = &waiting;
    ++waiting.holders;
    handle->id = 0;
    const bool is_added = succeeds([&] {
        handle->id = waiting.timers.insert({function, 0, is_periodic});
        const Ticket ticket = -static_cast<Ticket>(handle->id);
        waiting.timers.find(handle->id)->id = is_periodic ? core->call_every(seconds, ticket) : core->call_later(seconds, ticket);
    });
    if (is_added) {
        Py_INCREF(function);
        return reinterpret_cast<PyObject*>(handle);
    }
    waiting.timers.take(handle->id);
    Py_DECREF(handle);
    return nullptr;
}

PyObject* call_later(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
    return add_timer(self, arguments, count, names, false);
}

PyObject* call_every(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
    return add_timer(self, arguments, count, names, true);
}

PyObject* drop_waiting(PyObject* self, PyObject*) {
    waiting_in(self).drop();
    Py_RETURN_NONE;
}

PyCFunction as_function(PyObject* (*method)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*)) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(method));
}

PyMethodDef reactor_methods[] = {
    {"next_tick", next_tick, METH_O, "next_tick($self, function, /)\n--\n\n"},
    {"post", post, METH_O, "post($self, function, /)\n--\n\n"},
    {"call_later", as_function(call_later), METH_FASTCALL | METH_KEYWORDS, "call_later($self, seconds, function)\n--\n\n"},
    {"call_every", as_function(call_every), METH_FASTCALL | METH_KEYWORDS, "call_every($self, seconds, function)\n--\n\n"},
    {"_drop_waiting", drop_waiting, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot reactor_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(reactor_new)},
    {Py_tp_traverse, reinterpret_cast<void*>(reactor_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(reactor_clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(reactor_dealloc)},
    {Py_tp_methods, reactor_methods},
    {0, nullptr},
};

PyType_Spec reactor_spec = {"tidemill._core.ReactorBase", sizeof(PythonReactor), 0,
                            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, reactor_slots};

// ---- the handle of a timer ----

void timer_dealloc(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    reinterpret_cast<PythonTimer*>(object)->waiting->release();
    PyObject_Free(object);
    Py_DECREF(type);
}

// Its place among those that wait; nullptr when it has fired or was cancelled, or when its reactor is gone.
Waiting::Timer* find_timer(PyObject* object) {
    auto* timer = reinterpret_cast<PythonTimer*>(object);
    return timer->waiting->core == nullptr ? nullptr : timer->waiting->timers.find(timer->id);
}

PyObject* timer_cancel(PyObject* object, PyObject*) {
    const Waiting::Timer* found = find_timer(object);
    if (found == nullptr) Py_RETURN_FALSE;
    auto* timer = reinterpret_cast<PythonTimer*>(object);
    bool is_cancelled = false;
    if (!succeeds([&] { is_cancelled = timer->waiting->core->timer_cancel(found->id); })) return nullptr;
    if (!is_cancelled) Py_RETURN_FALSE;
    Py_DECREF(timer->waiting->timers.take(timer->id).function);
    Py_RETURN_TRUE;
}

PyObject* timer_is_active(PyObject* object, void*) {
    const Waiting::Timer* found = find_timer(object);
    return PyBool_FromLong(found != nullptr && reinterpret_cast<PythonTimer*>(object)->waiting->core->timer_is_active(found->id));
}

PyMethodDef timer_methods[] = {
    {"cancel", timer_cancel, METH_NOARGS, "cancel($self, /)\n--\n\n"},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef timer_properties[] = {
    {"is_active", timer_is_active, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot timer_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(timer_dealloc)},
    {Py_tp_methods, timer_methods},
    {Py_tp_getset, timer_properties},
    {0, nullptr},
};

PyType_Spec timer_spec = {"tidemill.Timer", sizeof(PythonTimer), 0, Py_TPFLAGS_DEFAULT, timer_slots};

PyObject* first_of(std::deque<PyObject*>& queue) {
    if (queue.empty()) return nullptr;
    PyObject* function = queue.front();
    queue.pop_front();
    return function;
}

}  // namespace

bool add_python_reactor(PyObject* module) {
    auto* reactor_type = PyType_FromSpec(&reactor_spec);
    timer_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&timer_spec));
    if (reactor_type == nullptr || timer_type == nullptr) return false;
    timer_type->tp_new = nullptr;  // call_later makes them
    Py_INCREF(timer_type);
    return PyModule_AddObject(module, "ReactorBase", reactor_type) == 0 &&
           PyModule_AddObject(module, "Timer", reinterpret_cast<PyObject*>(timer_type)) == 0;
}

void attach_reactor(ReactorObject reactor, ReactorObject owner, ReactorCore& core) {
    auto* object = static_cast<PyObject*>(reactor.handle);
    if (reinterpret_cast<PythonReactor*>(object)->owner != nullptr)
        waiting_in(object).drop();  // a second __init__: what waited was the first core's
    waiting_in(object).core = &core;
    auto* kept = static_cast<PyObject*>(owner.handle);
    Py_INCREF(kept);
    Py_XSETREF(reinterpret_cast<PythonReactor*>(object)->owner, kept);
}

PyObject* function_of_timer(PyObject* reactor, Ticket ticket) {
    Waiting& waiting = waiting_in(reactor);
    const auto id = static_cast<SlotMap<Waiting::Timer>::Id>(-ticket);
    const Waiting::Timer* timer = waiting.timers.find(id);
    if (timer == nullptr) return nullptr;
    if (!timer->is_periodic) return waiting.timers.take(id).function;
    Py_INCREF(timer->function);
    return timer->function;
}

PyObject* next_tick_of(PyObject* reactor) {
    return first_of(waiting_in(reactor).ticks);
}

PyObject* next_post_of(PyObject* reactor) {
    return first_of(waiting_in(reactor).posted);
}

}  // namespace tidemill::script
