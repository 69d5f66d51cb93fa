#include "bindings/ruby_dispatch.h"

#include <ruby/encoding.h>
#include <ruby/thread.h>

#include <exception>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "bindings/protocol.h"
#include "bindings/ruby_reactor.h"

namespace tidemill::script {
namespace {

// What the module needs all the time.
struct Names {
    ID events[event_count];
    ID call_function;
    ID accept;
    ID judge;
    ID report;
    ID open;
    ID objects;
    ID make_error;
    ID call;
    ID callee;
};
Names names;
VALUE core_module;
VALUE connection_base;

// ---- calls that may raise ----

template <class Call>
VALUE run_call(VALUE call) {
    return (*reinterpret_cast<Call*>(call))();
}

// The call's answer and 0, or Qnil and the state with which Ruby wants to go on. What it wants to go on with is then rb_errinfo(). The
// call is left by longjmp if it raises: it must not make anything with a destructor.
template <class Call>
VALUE protect(Call& call, int& state) {
    return rb_protect(run_call<Call>, reinterpret_cast<VALUE>(&call), &state);
}

VALUE do_nothing(VALUE) {
    return Qnil;
}

// An exception, and not throw, break, return or the end of the thread on their way, for which Ruby has inner objects.
bool is_exception(VALUE errinfo) {
    return !RB_SPECIAL_CONST_P(errinfo) && RB_BUILTIN_TYPE(errinfo) != RUBY_T_IMEMO && RTEST(rb_obj_is_kind_of(errinfo, rb_eException));
}

// ---- values ----

// A new exception object for the error; nil if it is not set. Raises only NoMemoryError.
VALUE error_to_ruby(const Error& error) {
    if (!error.is_set()) return Qnil;
    int state = 0;
    VALUE exception = Qnil;
    try {
        const std::string text = error.text();
        auto make = [&error, &text] {
            VALUE arguments[] = {
                text_to_ruby(code_name(error.code)), INT2NUM(error.os),  text_to_ruby(errno_name(error.os)), text_to_ruby(error.operation),
                text_to_ruby(error.endpoint),        text_to_ruby(text),
            };
            return rb_funcallv(core_module, names.make_error, 6, arguments);
        };
        exception = protect(make, state);
    } catch (const std::bad_alloc&) {
        exception = Qundef;
    }
    if (exception == Qundef) rb_memerror();
    if (state != 0) rb_jump_tag(state);
    return exception;
}

VALUE octets_to_ruby(Bytes octets) {
    return rb_str_new(octets.data(), static_cast<long>(octets.size()));
}

// make(item): a VALUE, or raises. What is made is found on the stack and in the list.
template <class Item, class Make>
VALUE list_to_ruby(std::span<const Item> items, Make make) {
    const VALUE list = rb_ary_new_capa(static_cast<long>(items.size()));
    for (const Item& item : items) rb_ary_push(list, make(item));
    return list;
}

template <class MakeName, class MakeValue>
VALUE pairs_to_ruby(std::span<const Value::Pair> pairs, MakeName make_name, MakeValue make_value) {
    return list_to_ruby(pairs, [=](const Value::Pair& pair) {
        volatile VALUE name = make_name(pair.first);
        volatile VALUE value = make_value(pair.second);
        return rb_assoc_new(name, value);
    });
}

// For names that come again and again: a Hash takes a string as its key without a copy if it is one of the interpreter's own.
VALUE name_to_ruby(Bytes text) {
    return rb_enc_interned_str(text.data(), static_cast<long>(text.size()), rb_utf8_encoding());
}

VALUE to_ruby(const Value& value) {
    switch (value.kind) {
        case Value::Kind::octets_list:
            return list_to_ruby(value.list, octets_to_ruby);
        case Value::Kind::octets_pairs:
            return pairs_to_ruby(value.pairs, octets_to_ruby, octets_to_ruby);
        case Value::Kind::text_pairs:
            return pairs_to_ruby(value.pairs, name_to_ruby, text_to_ruby);
        case Value::Kind::octets:
            return octets_to_ruby(value.bytes);
        case Value::Kind::text:
            return text_to_ruby(value.bytes);
        case Value::Kind::integer:
            return LL2NUM(value.integer);
        case Value::Kind::real:
            return DBL2NUM(value.real);
        case Value::Kind::boolean:
            return value.boolean ? Qtrue : Qfalse;
        case Value::Kind::error:
            return error_to_ruby(*value.error);
    }
    return Qnil;
}

// ---- the object that users subclass ----

constexpr std::size_t most_arguments = 8;

// Raises.
VALUE call_method(VALUE self, Event event, const Value* arguments, std::size_t count) {
    VALUE converted[most_arguments];
    for (std::size_t i = 0; i < count; ++i) converted[i] = to_ruby(arguments[i]);
    return rb_funcallv(self, names.events[static_cast<std::size_t>(event)], static_cast<int>(count), converted);
}

class RubyHandler final : public ScriptHandler {
public:
    explicit RubyHandler(VALUE self) : self_(self) {}
    VALUE self() const { return self_; }
    VALUE reactor() const { return reactor_; }
    void set_reactor(VALUE reactor) { RB_OBJ_WRITE(self_, &reactor_, reactor); }

    // The reactor's open set, a Hash, keeps the object alive: what is held here needs no root.
    void mark() const { rb_gc_mark_movable(reactor_); }
    void compact() {
        self_ = rb_gc_location(self_);
        reactor_ = rb_gc_location(reactor_);
    }

protected:
    bool emit(Event event, const Value* arguments, std::size_t count) override;

private:
    VALUE self_;
    VALUE reactor_ = Qnil;
};

void mark_connection(void* handler) {
    static_cast<RubyHandler*>(handler)->mark();
}

void free_connection(void* handler) {
    static_cast<RubyHandler*>(handler)->~RubyHandler();
    ruby_xfree(handler);
}

std::size_t size_of_connection(const void*) {
    return sizeof(RubyHandler);
}

void compact_connection(void* handler) {
    static_cast<RubyHandler*>(handler)->compact();
}

const rb_data_type_t connection_type = {
    "Tidemill::Connection",
    {mark_connection, free_connection, size_of_connection, compact_connection, {}},
    nullptr,
    nullptr,
    RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

RubyHandler& handler_in(VALUE object) {
    return *static_cast<RubyHandler*>(rb_check_typeddata(object, &connection_type));
}

// Here and not in initialize: a subclass may forget to call it.
VALUE allocate_connection(VALUE type) {
    RubyHandler* handler;
    const VALUE self = TypedData_Make_Struct(type, RubyHandler, &connection_type, handler);
    new (handler) RubyHandler(self);
    return self;
}

VALUE initialize_connection(int, VALUE*, VALUE self) {
    return self;  // takes whatever a subclass passes on
}

[[noreturn]] void raise_write_error(VALUE self, ErrorCode code) {
    raise_in_ruby(new Error(write_error(handler_in(self), code)));
}

VALUE write_method(VALUE self, VALUE data) {
    RubyHandler& handler = handler_in(self);
    StringValue(data);
    WriteResult written;
    try {
        written = connection_write(handler, {RSTRING_PTR(data), static_cast<std::size_t>(RSTRING_LEN(data))});
    } catch (const std::exception&) {
        written = {WriteResult::Kind::failed, ErrorCode::limit};
    }
    RB_GC_GUARD(data);
    if (written.has_failed()) raise_write_error(self, written.code);
    return written.is_flowing() ? Qtrue : Qfalse;
}

// One frame of the object's protocol.
VALUE write_frame_method(VALUE self, VALUE data) {
    RubyHandler& handler = handler_in(self);
    StringValue(data);
    Error* failed = nullptr;
    bool is_flowing = false;
    try {
        is_flowing = connection_write_frame(handler, {RSTRING_PTR(data), static_cast<std::size_t>(RSTRING_LEN(data))});
    } catch (const Failure& failure) {
        failed = new Error(failure.error);
    } catch (const std::exception& exception) {
        failed = new Error(make_error(ErrorCode::limit, "write", {}, exception.what()));
    }
    RB_GC_GUARD(data);
    if (failed != nullptr) raise_in_ruby(failed);
    return is_flowing ? Qtrue : Qfalse;
}

VALUE close_method(VALUE self) {
    RubyHandler& handler = handler_in(self);
    Error* failed = nullptr;
    try {
        connection_close(handler);
    } catch (const Failure& failure) {
        failed = new Error(failure.error);
    }
    if (failed != nullptr) raise_in_ruby(failed);
    return Qnil;
}

VALUE reactor_method(VALUE self) {
    return handler_in(self).reactor();
}

VALUE ignore_nothing(VALUE) {
    return Qnil;
}

VALUE ignore_argument(VALUE, VALUE) {
    return Qnil;
}

// ---- a reactor's language ----

// What left a protected call: an exception, which is taken out of the interpreter so that other Ruby code can run meanwhile; or a jump
// (throw, break, return, the thread's end), whose target Ruby keeps in rb_errinfo(), where the C API can leave it but not put it back.
struct Raised {
    int state = 0;
    VALUE exception = Qnil;

    bool is_set() const { return state != 0; }
    bool is_jump() const { return is_set() && NIL_P(exception); }
    void clear() { *this = Raised{}; }

    void take(int of) {
        state = of;
        exception = Qnil;
        const VALUE errinfo = rb_errinfo();
        if (!is_exception(errinfo)) return;
        exception = errinfo;
        rb_set_errinfo(Qnil);
    }
};

class RubyHost final : public Host {
public:
    void enter(void* reactor_object) override { self_ = reinterpret_cast<VALUE>(reactor_object); }
    void leave() override { self_ = Qnil; }

    bool call_timer(Ticket ticket) override {
        if (ticket < 0) return call(waiting_.take_timer(ticket));
        auto call = [this, ticket] { return rb_funcall(self_, names.call_function, 1, LL2NUM(ticket)); };
        return succeeds(call);
    }
    bool call_tick() override { return call(waiting_.take_tick()); }
    bool call_posted() override { return call(waiting_.take_posted()); }

    ScriptHandler* make_connection(Ticket factory) override {
        ScriptHandler* made = nullptr;
        // The adaptor puts it into its set of open connections: that is the strong reference.
        auto call = [this, factory, &made] {
            made = handler_from_ruby(rb_funcall(self_, names.accept, 1, LL2NUM(factory)));
            return Qnil;
        };
        return succeeds(call) ? made : nullptr;
    }

    bool emit(Ticket object, Event event, const Value* arguments, std::size_t count) override {
        auto call = [this, object, event, arguments, count] { return call_method(object_under(object), event, arguments, count); };
        return succeeds(call);
    }

    void forget(Ticket object) override {
        if (NIL_P(self_)) return;
        auto call = [this, object] { return rb_hash_delete(rb_ivar_get(self_, names.objects), LL2NUM(object)); };
        if (!succeeds(call)) park();
    }

    void forget(ScriptHandler& handler) override {
        if (NIL_P(self_)) return;  // outside a run the reactor object itself is going, and its set with it
        auto call = [this, &handler] { return rb_hash_delete(rb_ivar_get(self_, names.open), static_cast<RubyHandler&>(handler).self()); };
        if (!succeeds(call)) park();
    }

    Verdict judge(Party party) override {
        if (is_leaving()) return Verdict::leaving;
        // What nobody takes comes back raised.
        auto offer = [this, party] {
            const VALUE connection = party.handler == nullptr ? Qnil : static_cast<RubyHandler*>(party.handler)->self();
            return rb_funcall(self_, names.judge, 2, raised_.exception, party.object == 0 ? connection : object_under(party.object));
        };
        if (succeeds(offer)) {
            raised_.clear();
            return Verdict::taken;
        }
        return is_leaving() ? Verdict::leaving : Verdict::unhandled;
    }

    void park() override {
        const Raised later = std::exchange(raised_, Raised{});
        if (!parked_.is_set()) {
            parked_ = later;
        } else if (later.is_jump() && !parked_.is_jump()) {
            // As in Ruby's own ensure: an exception does not keep up the throw or the thread's end that came after it.
            const Raised earlier = std::exchange(parked_, later);
            report(earlier.exception);
        } else if (!later.is_jump()) {
            report(later.exception);
        }
    }

    // The state to go on with from a frame without C++ objects; 0 if there is nothing, or if this is a run that was refused inside a
    // callback: what is parked belongs to the run around it.
    int unpark() {
        if (!NIL_P(self_)) return 0;
        const int state = parked_.state;
        if (state != 0 && !parked_.is_jump()) rb_set_errinfo(parked_.exception);
        parked_.clear();
        return state;
    }

    RubyWaiting& waiting() { return waiting_; }

    void mark() const {
        waiting_.mark();
        rb_gc_mark(self_);
        rb_gc_mark(raised_.exception);
        rb_gc_mark(parked_.exception);
    }

    // Calls from the core into Ruby all come through here. False: raised_ holds what left the call.
    template <class Call>
    bool succeeds(Call& call) {
        int state = 0;
        if (!parked_.is_jump()) {
            protect(call, state);
            if (state != 0) raised_.take(state);
            return state == 0;
        }
        return succeeds_beside_a_jump(call);
    }

    // Gate
    void sleep(void (*wait)(void*), void* argument) override {
        struct Sleep {
            void (*wait)(void*);
            void* argument;
            static void* start(void* data) {
                Sleep& sleep = *static_cast<Sleep*>(data);
                sleep.wait(sleep.argument);
                return nullptr;
            }
            // Any thread, any signal handler.
            static void interrupt(void* waker) { static_cast<Waker*>(waker)->wake(); }
        };
        Sleep sleep{wait, argument};
        // ASYNC_SAFE, or else Ruby starts a thread for every sleep; INTR_FAIL: what is pending is handled by check_interrupts and not by
        // a longjmp from here.
        rb_nogvl(Sleep::start, &sleep, Sleep::interrupt, &reactor_->mailbox()->waker(), RB_NOGVL_UBF_ASYNC_SAFE | RB_NOGVL_INTR_FAIL);
    }

    bool check_interrupts() override {
        auto check = [] {
            rb_thread_check_ints();
            return Qnil;
        };
        if (succeeds(check)) return true;
        park();
        return false;
    }

private:
    // While a jump waits in rb_errinfo(), on_close callbacks may still have to be made. rb_ensure is what saves and restores rb_errinfo()
    // around a call whatever is in it.
    template <class Call>
    bool succeeds_beside_a_jump(Call& call) {
        struct Beside {
            Call& call;
            Raised raised;
            static VALUE run(VALUE data) {
                Beside& beside = *reinterpret_cast<Beside*>(data);
                int state = 0;
                protect(beside.call, state);
                if (state != 0) beside.raised.take(state);
                return Qnil;
            }
        };
        Beside beside{call, {}};
        rb_ensure(do_nothing, Qnil, Beside::run, reinterpret_cast<VALUE>(&beside));
        raised_ = beside.raised;
        return !raised_.is_set();
    }

    // Qundef: a stop dropped it, while another thread posted.
    bool call(VALUE function) {
        if (function == Qundef) return true;
        auto call = [this, function] {
            if (is_watching()) rb_ivar_set(self_, names.callee, function);
            if (RTEST(rb_obj_is_proc(function))) return rb_proc_call_with_block(function, 0, nullptr, Qnil);
            return rb_funcallv(function, names.call, 0, nullptr);
        };
        return succeeds(call);
    }

    VALUE object_under(Ticket ticket) { return rb_hash_fetch(rb_ivar_get(self_, names.objects), LL2NUM(ticket)); }

    // Whether what was raised is none of the program's handlers' business.
    bool is_leaving() const { return raised_.is_jump() || !RTEST(rb_obj_is_kind_of(raised_.exception, rb_eStandardError)); }

    void report(VALUE exception) {
        auto call = [this, exception] { return rb_funcall(self_, names.report, 1, exception); };
        if (!succeeds(call)) raised_.clear();
    }

    VALUE self_ = Qnil;  // the reactor object during a run
    Raised raised_;
    Raised parked_;
    RubyWaiting waiting_;
};

bool RubyHandler::emit(Event event, const Value* arguments, std::size_t count) {
    // On the stack, where the garbage collector sees it: the callback may close the connection and drop the last reference.
    volatile VALUE self = self_;
    auto call = [&self, event, arguments, count] { return call_method(self, event, arguments, count); };
    return static_cast<RubyHost*>(host())->succeeds(call);
}

// ---- functions for the adaptor ----

VALUE adopt(VALUE, VALUE connection, VALUE reactor) {
    handler_in(connection).set_reactor(reactor);
    return connection;
}

void intern_names() {
    for (std::size_t i = 0; i < event_count; ++i) names.events[i] = rb_intern(event_names[i]);
    names.call_function = rb_intern("call_function");
    names.accept = rb_intern("accept");
    names.judge = rb_intern("judge");
    names.report = rb_intern("report");
    names.open = rb_intern("@open");
    names.objects = rb_intern("@objects");
    names.make_error = rb_intern("make_error");
    names.call = rb_intern("call");
    names.callee = rb_intern("@callee");
}

}  // namespace

void add_ruby_types(VALUE module) {
    intern_names();
    core_module = module;
    rb_gc_register_mark_object(module);
    connection_base = rb_define_class_under(module, "ConnectionBase", rb_cObject);
    rb_gc_register_mark_object(connection_base);
    rb_define_alloc_func(connection_base, allocate_connection);
    rb_define_private_method(connection_base, "initialize", initialize_connection, -1);
    rb_define_method(connection_base, "write", write_method, 1);
    rb_define_private_method(connection_base, "write_frame", write_frame_method, 1);
    rb_define_method(connection_base, "close", close_method, 0);
    rb_define_method(connection_base, "reactor", reactor_method, 0);
    rb_define_method(connection_base, "on_open", ignore_nothing, 0);
    rb_define_method(connection_base, "on_data", ignore_argument, 1);
    rb_define_method(connection_base, "on_drain", ignore_nothing, 0);
    rb_define_method(connection_base, "on_shutdown", ignore_nothing, 0);
    rb_define_method(connection_base, "on_proxy_end", ignore_argument, 1);
    rb_define_method(connection_base, "on_end", close_method, 0);
    rb_define_method(connection_base, "on_close", ignore_argument, 1);
    rb_define_module_function(module, "adopt", adopt, 2);
    add_ruby_reactor(module);
}

void raise_in_ruby(Error* error) {
    int state = 0;
    auto make = [error] { return error_to_ruby(*error); };
    const VALUE exception = protect(make, state);
    delete error;
    if (state != 0) rb_jump_tag(state);
    rb_exc_raise(exception);
}

VALUE text_from_ruby(VALUE object) {
    StringValue(object);
    return rb_str_export_to_enc(object, rb_utf8_encoding());
}

VALUE text_to_ruby(Bytes text) {
    return rb_utf8_str_new(text.data(), static_cast<long>(text.size()));
}

ScriptHandler* handler_from_ruby(VALUE object) {
    return &handler_in(object);
}

Host* make_ruby_host() {
    return new RubyHost;
}

RubyWaiting& waiting_of(ReactorCore& core) {
    return static_cast<RubyHost&>(core.host()).waiting();
}

void raise_parked_in_ruby(ReactorCore& core, Error* instead_of) {
    const int state = static_cast<RubyHost&>(core.host()).unpark();
    if (state == 0) return;
    delete instead_of;
    rb_jump_tag(state);
}

void mark_ruby_core(void* core) {
    static_cast<RubyHost&>(static_cast<ReactorCore*>(core)->host()).mark();
}

}  // namespace tidemill::script
