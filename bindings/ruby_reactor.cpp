#include "bindings/ruby_reactor.h"

#include "bindings/ruby_dispatch.h"

namespace tidemill::script {

// ---- what waits ----

Error* RubyWaiting::add_tick(ReactorCore& core, VALUE function) {
    return failure_of("next_tick", [&] {
        core.next_tick();
        ticks_.push_back(function);
    });
}

Error* RubyWaiting::add_post(ReactorCore& core, VALUE function) {
    return failure_of("post", [&] {
        posted_.push_back(function);
        try {
            core.post();
        } catch (...) {
            posted_.pop_back();
            throw;
        }
    });
}

Error* RubyWaiting::add_timer(ReactorCore& core, double seconds, VALUE function, bool is_periodic, TimerKey& key) {
    key = {};
    Error* failed = failure_of("call_later", [&] {
        key.place = timers_.insert({function, is_periodic});
        const Ticket ticket = -static_cast<Ticket>(key.place);
        key.id = is_periodic ? core.call_every(seconds, ticket) : core.call_later(seconds, ticket);
    });
    if (failed != nullptr) timers_.take(key.place);
    return failed;
}

// Both places are far from everything, if there are many timers: one is fetched while the other is looked at.
Error* RubyWaiting::cancel(ReactorCore& core, TimerKey key, bool& is_cancelled) {
    is_cancelled = false;
    timers_.prefetch(static_cast<std::uint32_t>(key.place));
    Error* failed = failure_of("cancel", [&] { is_cancelled = core.timer_cancel(key.id); });
    if (is_cancelled) timers_.take(key.place);
    return failed;
}

VALUE RubyWaiting::take_timer(Ticket ticket) {
    const auto place = static_cast<SlotMap<int>::Id>(-ticket);
    const Timer* timer = timers_.find(place);
    if (timer == nullptr) return Qundef;
    return timer->is_periodic ? timer->function : timers_.take(place).function;
}

VALUE RubyWaiting::take_first(std::deque<VALUE>& queue) {
    if (queue.empty()) return Qundef;
    const VALUE function = queue.front();
    queue.pop_front();
    return function;
}

void RubyWaiting::drop() {
    timers_.take_all();  // not a new table: a handle of before must not mean a timer of afterwards
    ticks_.clear();
    posted_.clear();
}

void RubyWaiting::mark() const {
    for (const VALUE function : ticks_) rb_gc_mark(function);
    for (const VALUE function : posted_) rb_gc_mark(function);
    timers_.for_each([](const Timer& timer) { rb_gc_mark(timer.function); });
}

namespace {

// ---- what Ruby sees ----

ID callable_name;
ID door_name;
ID place_name;
ID id_name;
VALUE timer_class;

// What a reactor object keeps in @door, and each of its timers: the way past SWIG's look-ups, which cost as much as the rest of a tick. It
// keeps the core, and so the host and what waits, alive.
struct Door {
    VALUE owner;
    ReactorCore* core;
    RubyWaiting* waiting;
};

void mark_door(void* door) {
    rb_gc_mark(static_cast<Door*>(door)->owner);
}

const rb_data_type_t door_type = {
    "Tidemill::Reactor", {mark_door, RUBY_DEFAULT_FREE, nullptr, nullptr, {}}, nullptr, nullptr, RUBY_TYPED_FREE_IMMEDIATELY,
};

Door& door_of(VALUE object) {
    return *static_cast<Door*>(rb_check_typeddata(rb_ivar_get(object, door_name), &door_type));
}

VALUE open_door(VALUE, VALUE reactor, VALUE core) {
    Check_Type(core, T_DATA);
    Door* door;
    const VALUE made = TypedData_Make_Struct(rb_cObject, Door, &door_type, door);
    door->owner = core;
    door->core = static_cast<ReactorCore*>(DATA_PTR(core));
    door->waiting = &waiting_of(*door->core);
    rb_ivar_set(reactor, door_name, made);
    return Qnil;
}

VALUE forget_calls(VALUE, VALUE reactor) {
    door_of(reactor).waiting->drop();
    return Qnil;
}

// A function or a block, not both; mostly it is a Proc, and the adaptor's judgement is not needed.
VALUE callable(VALUE self, VALUE function) {
    const bool has_block = rb_block_given_p();
    const VALUE block = has_block ? rb_block_proc() : Qnil;
    if (NIL_P(function) && has_block) return block;
    if (!has_block && RTEST(rb_obj_is_proc(function))) return function;
    VALUE given[] = {function, block, rb_str_new_cstr("function")};
    return rb_funcallv(self, callable_name, 3, given);
}

VALUE next_tick_method(int count, VALUE* arguments, VALUE self) {
    rb_check_arity(count, 0, 1);
    volatile VALUE function = callable(self, count == 0 ? Qnil : arguments[0]);
    Door& door = door_of(self);
    if (Error* failed = door.waiting->add_tick(*door.core, function)) raise_in_ruby(failed);
    return Qnil;
}

VALUE post_method(int count, VALUE* arguments, VALUE self) {
    rb_check_arity(count, 0, 1);
    volatile VALUE function = callable(self, count == 0 ? Qnil : arguments[0]);
    Door& door = door_of(self);
    if (Error* failed = door.waiting->add_post(*door.core, function)) raise_in_ruby(failed);
    return Qnil;
}

VALUE add_timer(int count, VALUE* arguments, VALUE self, bool is_periodic) {
    rb_check_arity(count, 1, 2);
    volatile VALUE function = callable(self, count == 1 ? Qnil : arguments[1]);
    const double seconds = NUM2DBL(arguments[0]);
    volatile VALUE timer = rb_obj_alloc(timer_class);
    const VALUE door_object = rb_ivar_get(self, door_name);
    Door& door = *static_cast<Door*>(rb_check_typeddata(door_object, &door_type));
    RubyWaiting::TimerKey key;
    if (Error* failed = door.waiting->add_timer(*door.core, seconds, function, is_periodic, key)) raise_in_ruby(failed);
    rb_ivar_set(timer, door_name, door_object);
    rb_ivar_set(timer, place_name, ULL2NUM(key.place));
    rb_ivar_set(timer, id_name, ULL2NUM(key.id));
    return timer;
}

VALUE call_later_method(int count, VALUE* arguments, VALUE self) {
    return add_timer(count, arguments, self, false);
}

VALUE call_every_method(int count, VALUE* arguments, VALUE self) {
    return add_timer(count, arguments, self, true);
}

VALUE cancel_method(VALUE self) {
    Door& door = door_of(self);
    const RubyWaiting::TimerKey key{NUM2ULL(rb_ivar_get(self, place_name)), NUM2ULL(rb_ivar_get(self, id_name))};
    bool is_cancelled;
    if (Error* failed = door.waiting->cancel(*door.core, key, is_cancelled)) raise_in_ruby(failed);
    return is_cancelled ? Qtrue : Qfalse;
}

VALUE is_active_method(VALUE self) {
    Door& door = door_of(self);
    return door.core->timer_is_active(NUM2ULL(rb_ivar_get(self, id_name))) ? Qtrue : Qfalse;
}

}  // namespace

void add_ruby_reactor(VALUE module) {
    callable_name = rb_intern("callable");
    door_name = rb_intern("@door");
    place_name = rb_intern("@place");
    id_name = rb_intern("@id");
    rb_define_module_function(module, "open_door", open_door, 2);
    rb_define_module_function(module, "forget_calls", forget_calls, 1);
    const VALUE tidemill = rb_define_module("Tidemill");
    const VALUE reactor = rb_define_class_under(tidemill, "Reactor", rb_cObject);
    rb_define_method(reactor, "next_tick", next_tick_method, -1);
    rb_define_method(reactor, "post", post_method, -1);
    rb_define_method(reactor, "call_later", call_later_method, -1);
    rb_define_method(reactor, "call_every", call_every_method, -1);
    timer_class = rb_define_class_under(tidemill, "Timer", rb_cObject);
    rb_gc_register_mark_object(timer_class);
    rb_define_method(timer_class, "cancel", cancel_method, 0);
    rb_define_method(timer_class, "active?", is_active_method, 0);
}

}  // namespace tidemill::script
