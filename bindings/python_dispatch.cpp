#include "bindings/python_dispatch.h"

#include <cstring>
#include <span>
#include <string>

#include "bindings/protocol.h"
#include "bindings/python_reactor.h"

namespace tidemill::script {
namespace {

// What the module needs all the time. One interpreter per process: SWIG 4.1's own tables allow no more.
struct Names {
    PyObject* events[event_count];
    PyObject* on_error;
    PyObject* call_function;
    PyObject* callee;
    PyObject* accept;
    PyObject* open;
    PyObject* objects;
    PyObject* error_handler;
};
Names names;
PyTypeObject* connection_type;
PyObject* error_maker;

// An owned reference.
class Reference {
public:
    explicit Reference(PyObject* object = nullptr) : object_(object) {}
    Reference(Reference&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    ~Reference() { Py_XDECREF(object_); }
    PyObject* get() const { return object_; }
    PyObject* release() { return std::exchange(object_, nullptr); }
    explicit operator bool() const { return object_ != nullptr; }

private:
    PyObject* object_;
};

PyObject* text_to_python(std::string_view text) {
    // A path may be any octets; surrogateescape is how Python itself carries them (PEP 383).
    return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogateescape");
}

// A new exception object for the error; None if it is not set; nullptr with an exception set.
PyObject* error_to_python(const Error& error) {
    if (!error.is_set()) Py_RETURN_NONE;
    if (error_maker == nullptr) return PyErr_Format(PyExc_RuntimeError, "%s", error.text().c_str());
    const Reference code(text_to_python(code_name(error.code)));
    const Reference errno_text(text_to_python(errno_name(error.os)));
    const Reference operation(text_to_python(error.operation));
    const Reference endpoint(text_to_python(error.endpoint));
    const Reference text(text_to_python(error.text()));
    if (!code || !errno_text || !operation || !endpoint || !text) return nullptr;
    return PyObject_CallFunction(error_maker, "OiOOOO", code.get(), error.os, errno_text.get(), operation.get(), endpoint.get(),
                                 text.get());
}

PyObject* octets_to_python(Bytes octets) {
    return PyBytes_FromStringAndSize(octets.data(), static_cast<Py_ssize_t>(octets.size()));
}

// A list; make(item): a new reference, or nullptr.
template <class Item, class Make>
PyObject* list_to_python(std::span<const Item> items, Make make) {
    Reference list(PyList_New(static_cast<Py_ssize_t>(items.size())));
    for (std::size_t i = 0; list && i < items.size(); ++i) {
        PyObject* made = make(items[i]);
        if (made == nullptr) return nullptr;
        PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), made);
    }
    return list.release();
}

template <class Make>
PyObject* pairs_to_python(std::span<const Value::Pair> pairs, Make make) {
    return list_to_python(pairs, [make](const Value::Pair& pair) -> PyObject* {
        const Reference name(make(pair.first)), value(make(pair.second));
        return name && value ? PyTuple_Pack(2, name.get(), value.get()) : nullptr;
    });
}

PyObject* to_python(const Value& value) {
    switch (value.kind) {
        case Value::Kind::octets_list:
            return list_to_python(value.list, octets_to_python);
        case Value::Kind::octets_pairs:
            return pairs_to_python(value.pairs, octets_to_python);
        case Value::Kind::text_pairs:
            return pairs_to_python(value.pairs, text_to_python);
        case Value::Kind::octets:
            return octets_to_python(value.bytes);
        case Value::Kind::text:
            return text_to_python(value.bytes);
        case Value::Kind::integer:
            return PyLong_FromLongLong(value.integer);
        case Value::Kind::real:
            return PyFloat_FromDouble(value.real);
        case Value::Kind::boolean:
            return PyBool_FromLong(value.boolean);
        case Value::Kind::error:
            return error_to_python(*value.error);
    }
    Py_UNREACHABLE();
}

// ---- the object that users subclass ----

constexpr std::size_t most_arguments = 8;

// False: it raised.
bool call_method(PyObject* self, Event event, const Value* arguments, std::size_t count) {
    // vectorcall may use the place before the arguments; self goes first.
    PyObject* stack[most_arguments + 2] = {nullptr, self};
    std::size_t made = 0;
    while (made < count && (stack[made + 2] = to_python(arguments[made])) != nullptr) ++made;
    Py_INCREF(self);  // the callback may close what it belongs to and drop the last reference
    PyObject* answer = nullptr;
    if (made == count) {
        PyObject* name = names.events[static_cast<std::size_t>(event)];
        answer = PyObject_VectorcallMethod(name, stack + 1, (count + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
    }
    for (std::size_t i = 0; i < made; ++i) Py_DECREF(stack[i + 2]);
    Py_XDECREF(answer);
    Py_DECREF(self);
    return answer != nullptr;
}

class PythonHandler final : public ScriptHandler {
public:
    explicit PythonHandler(PyObject* self) : self_(self) {}
    PyObject* self() const { return self_; }

protected:
    // The reactor's own reference outlives this call, so self_ is still valid for the host's judgement.
    bool emit(Event event, const Value* arguments, std::size_t count) override { return call_method(self_, event, arguments, count); }

private:
    PyObject* self_;  // borrowed: this handler is embedded in it
};

struct ConnectionObject {
    PyObject_HEAD
    PythonHandler handler;
};

PythonHandler& handler_in(PyObject* object) {
    return reinterpret_cast<ConnectionObject*>(object)->handler;
}

// Made here and not in __init__: a subclass may forget to call it.
PyObject* connection_new(PyTypeObject* type, PyObject*, PyObject*) {
    PyObject* object = type->tp_alloc(type, 0);
    if (object != nullptr) new (&handler_in(object)) PythonHandler(object);
    return object;
}

int connection_init(PyObject*, PyObject*, PyObject*) {
    return 0;  // takes whatever a subclass passes on
}

void connection_dealloc(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    handler_in(object).~PythonHandler();
    type->tp_free(object);
    Py_DECREF(type);
}

PyObject* connection_write_method(PyObject* object, PyObject* data) {
    WriteResult written;
    if (PyBytes_CheckExact(data)) {
        written = connection_write(handler_in(object), {PyBytes_AS_STRING(data), static_cast<std::size_t>(PyBytes_GET_SIZE(data))});
    } else {
        Py_buffer view;
        if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) return nullptr;
        written = connection_write(handler_in(object), {static_cast<const char*>(view.buf), static_cast<std::size_t>(view.len)});
        PyBuffer_Release(&view);
    }
    if (written.has_failed()) {
        raise_in_python(write_error(handler_in(object), written.code));
        return nullptr;
    }
    return PyBool_FromLong(written.is_flowing());
}

// Octets for a call that throws Failure; it answers whether it is flowing.
PyObject* connection_write_frame_method(PyObject* object, PyObject* data) {
    Py_buffer view;
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) return nullptr;
    PyObject* answer = nullptr;
    try {
        answer = PyBool_FromLong(
            connection_write_frame(handler_in(object), {static_cast<const char*>(view.buf), static_cast<std::size_t>(view.len)}));
    } catch (const Failure& failure) {
        raise_in_python(failure.error);
    }
    PyBuffer_Release(&view);
    return answer;
}

PyObject* connection_close_method(PyObject* object, PyObject*) {
    try {
        tidemill::script::connection_close(handler_in(object));
    } catch (const Failure& failure) {
        raise_in_python(failure.error);
        return nullptr;
    }
    Py_RETURN_NONE;
}

PyObject* ignore_nothing(PyObject*, PyObject*) {
    Py_RETURN_NONE;
}

PyMethodDef connection_methods[] = {
    {"write", connection_write_method, METH_O, nullptr},   {"close", connection_close_method, METH_NOARGS, nullptr},
    {"on_open", ignore_nothing, METH_NOARGS, nullptr},     {"on_data", ignore_nothing, METH_O, nullptr},
    {"on_drain", ignore_nothing, METH_NOARGS, nullptr},    {"on_proxy_end", ignore_nothing, METH_O, nullptr},

    {"on_shutdown", ignore_nothing, METH_NOARGS, nullptr}, {"on_end", connection_close_method, METH_NOARGS, nullptr},
    {"on_close", ignore_nothing, METH_O, nullptr},         {nullptr, nullptr, 0, nullptr},
};

PyType_Slot connection_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(connection_new)},
    {Py_tp_init, reinterpret_cast<void*>(connection_init)},
    {Py_tp_dealloc, reinterpret_cast<void*>(connection_dealloc)},
    {Py_tp_methods, connection_methods},
    {0, nullptr},
};

PyType_Spec connection_spec = {"tidemill._core.ConnectionBase", sizeof(ConnectionObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                               connection_slots};

// ---- a reactor's language ----

// An exception on its way: taken out of the interpreter so that other Python code can run meanwhile.
struct Exception {
    PyObject* type = nullptr;
    PyObject* value = nullptr;
    PyObject* traceback = nullptr;

    bool is_set() const { return type != nullptr; }

    void fetch() {
        clear();
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_NormalizeException(&type, &value, &traceback);
        if (traceback != nullptr) PyException_SetTraceback(value, traceback);
    }

    void restore() { PyErr_Restore(std::exchange(type, nullptr), std::exchange(value, nullptr), std::exchange(traceback, nullptr)); }

    void clear() {
        Py_CLEAR(type);
        Py_CLEAR(value);
        Py_CLEAR(traceback);
    }
};

class PythonHost final : public Host {
public:
    ~PythonHost() override {
        raised_.clear();
        parked_.clear();
    }

    void enter(void* reactor_object) override { self_ = static_cast<PyObject*>(reactor_object); }
    void leave() override { self_ = nullptr; }

    bool call_timer(Ticket ticket) override {
        if (ticket < 0) return call(function_of_timer(self_, ticket));
        const Reference number(PyLong_FromLongLong(ticket));
        return number && Reference(PyObject_CallMethodObjArgs(self_, names.call_function, number.get(), nullptr));
    }
    bool call_tick() override { return call(next_tick_of(self_)); }
    bool call_posted() override { return call(next_post_of(self_)); }

    ScriptHandler* make_connection(Ticket factory) override {
        const Reference number(PyLong_FromLongLong(factory));
        if (!number) return nullptr;
        // The adaptor puts it into its set of open connections: that is the strong reference.
        const Reference made(PyObject_CallMethodObjArgs(self_, names.accept, number.get(), nullptr));
        return made ? handler_from_python(made.get()) : nullptr;
    }

    bool emit(Ticket object, Event event, const Value* arguments, std::size_t count) override {
        const Reference found(object_under(object));
        return found && call_method(found.get(), event, arguments, count);
    }

    void forget(Ticket object) override {
        if (self_ == nullptr) return;
        const Reference objects(PyObject_GetAttr(self_, names.objects));
        const Reference number(PyLong_FromLongLong(object));
        if (!objects || !number || PyDict_DelItem(objects.get(), number.get()) < 0) PyErr_Clear();  // the adaptor took it back itself
    }

    void forget(ScriptHandler& handler) override {
        if (self_ == nullptr) return;  // outside a run the reactor object itself is going, and its set with it
        const Reference open(PyObject_GetAttr(self_, names.open));
        if (!open || PySet_Discard(open.get(), static_cast<PythonHandler&>(handler).self()) < 0) PyErr_WriteUnraisable(self_);
    }

    Verdict judge(Party party) override {
        raised_.fetch();
        if (!PyErr_GivenExceptionMatches(raised_.type, PyExc_Exception)) return Verdict::leaving;
        const Reference whose(of_party(party));
        if (whose.get() != Py_None && offer_to_party(whose.get())) return Verdict::taken;
        if (offer_to_error_handler(whose.get())) return Verdict::taken;
        return Verdict::unhandled;
    }

    void park() override {
        if (!parked_.is_set()) {
            std::swap(parked_, raised_);
            return;
        }
        raised_.restore();
        PyErr_WriteUnraisable(self_);
    }

    // Not from a run that was refused inside a callback: what is parked belongs to the run around it.
    bool raise_parked() {
        if (self_ != nullptr || !parked_.is_set()) return false;
        parked_.restore();
        return true;
    }

    // Gate
    void sleep(void (*wait)(void*), void* argument) override {
        PyThreadState* state = PyEval_SaveThread();
        wait(argument);
        PyEval_RestoreThread(state);
    }

    bool check_interrupts() override {
        if (PyErr_CheckSignals() == 0) return true;
        raised_.fetch();
        park();
        return false;
    }

private:
    // Takes the reference. There is no function if a stop dropped what waited while another thread posted.
    bool call(PyObject* owned) {
        const Reference function(owned);
        if (!function) return true;
        if (is_watching() && PyObject_SetAttr(self_, names.callee, owned) < 0) return false;
        return Reference(PyObject_CallNoArgs(owned)).get() != nullptr;
    }

    // A handler that raises itself passes its own exception on; Python notes the first one as its context.
    bool is_taken_by(const Reference& answer) {
        if (answer) {
            raised_.clear();
            return true;
        }
        PyObject* first = raised_.value;
        Py_XINCREF(first);
        raised_.fetch();
        if (first != raised_.value) {
            PyException_SetContext(raised_.value, first);
        } else {
            Py_XDECREF(first);
        }
        return false;
    }

    // A new reference; nullptr with an exception set.
    PyObject* object_under(Ticket ticket) {
        const Reference objects(PyObject_GetAttr(self_, names.objects));
        const Reference number(PyLong_FromLongLong(ticket));
        return objects && number ? PyObject_GetItem(objects.get(), number.get()) : nullptr;
    }

    // A new reference; None for nobody.
    PyObject* of_party(Party party) {
        PyObject* found = Py_None;
        if (party.object != 0) {
            if (PyObject* object = object_under(party.object)) return object;
            PyErr_Clear();
        } else if (party.handler != nullptr) {
            found = static_cast<PythonHandler*>(party.handler)->self();
        }
        Py_INCREF(found);
        return found;
    }

    bool offer_to_party(PyObject* party) {
        const Reference method(PyObject_GetAttr(party, names.on_error));
        if (!method) {
            PyErr_Clear();
            return false;
        }
        return is_taken_by(Reference(PyObject_CallFunctionObjArgs(method.get(), raised_.value, nullptr)));
    }

    bool offer_to_error_handler(PyObject* party) {
        const Reference function(PyObject_GetAttr(self_, names.error_handler));
        if (!function || function.get() == Py_None) {
            PyErr_Clear();
            return false;
        }
        return is_taken_by(Reference(PyObject_CallFunctionObjArgs(function.get(), raised_.value, party, nullptr)));
    }

    PyObject* self_ = nullptr;  // borrowed from the frame of the adaptor's run()
    Exception raised_;
    Exception parked_;
};

// ---- functions for the adaptor ----

PyObject* set_error_maker(PyObject*, PyObject* maker) {
    Py_INCREF(maker);
    Py_XSETREF(error_maker, maker);
    Py_RETURN_NONE;
}

// What is kept here is kept for as long as the types, which is for ever.
PyObject* document(PyObject*, PyObject* arguments) {
    PyObject* member = nullptr;
    const char* text = nullptr;
    if (!PyArg_ParseTuple(arguments, "Os", &member, &text)) return nullptr;
    if (PyObject_TypeCheck(member, &PyMethodDescr_Type)) {
        PyMethodDef& method = *reinterpret_cast<PyMethodDescrObject*>(member)->d_method;
        // Behind the signature, as far as the method has one.
        const std::string_view old = method.ml_doc == nullptr ? "" : method.ml_doc;
        method.ml_doc = strdup((std::string(old.ends_with("--\n\n") ? old : "") + text).c_str());
    } else if (PyObject_TypeCheck(member, &PyGetSetDescr_Type)) {
        reinterpret_cast<PyGetSetDescrObject*>(member)->d_getset->doc = strdup(text);
    }
    Py_RETURN_NONE;
}

PyObject* frame_writer(PyObject*, PyObject* name) {
    const char* text = PyUnicode_AsUTF8(name);
    if (text == nullptr) return nullptr;
    auto* method = new PyMethodDef{strdup(text), connection_write_frame_method, METH_O, nullptr};
    return PyDescr_NewMethod(connection_type, method);
}

PyMethodDef functions[] = {
    {"set_error_maker", set_error_maker, METH_O, nullptr},
    {"document", document, METH_VARARGS, nullptr},
    {"frame_writer", frame_writer, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

bool intern_names() {
    for (std::size_t i = 0; i < event_count; ++i) {
        if ((names.events[i] = PyUnicode_InternFromString(event_names[i])) == nullptr) return false;
    }
    const std::pair<PyObject**, const char*> others[] = {
        {&names.on_error, "on_error"},
        {&names.call_function, "_call_function"},
        {&names.callee, "_callee"},
        {&names.accept, "_accept"},
        {&names.open, "_open"},
        {&names.objects, "_objects"},
        {&names.error_handler, "_error_handler"},
    };
    for (const auto& [place, name] : others) {
        if ((*place = PyUnicode_InternFromString(name)) == nullptr) return false;
    }
    return true;
}

}  // namespace

bool add_python_types(PyObject* module) {
    if (!intern_names()) return false;
    connection_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&connection_spec));
    if (connection_type == nullptr) return false;
    Py_INCREF(connection_type);
    return PyModule_AddObject(module, "ConnectionBase", reinterpret_cast<PyObject*>(connection_type)) == 0 &&
           PyModule_AddFunctions(module, functions) == 0 && add_python_reactor(module);
}

void raise_in_python(const Error& error) {
    const Reference exception(error_to_python(error));
    if (exception) PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
}

ScriptHandler* handler_from_python(PyObject* object) {
    if (PyObject_TypeCheck(object, connection_type)) return &handler_in(object);
    PyErr_Format(PyExc_TypeError, "a tidemill.Connection is needed, not %.200s", Py_TYPE(object)->tp_name);
    return nullptr;
}

Host* make_python_host() {
    return new PythonHost;
}

bool raise_parked_in_python(ReactorCore& core) {
    return static_cast<PythonHost&>(core.host()).raise_parked();
}

}  // namespace tidemill::script
