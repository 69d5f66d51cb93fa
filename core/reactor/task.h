// Task: something to call later, once or again and again. Like std::function<void()>, and of its size, but it is moved and never copied;
// three words of captures fit into it (std::function has room for two), and captures that are plain data are moved and dropped without
// a call. Tasks travel a lot: through queues, threads and tables of timers.
#pragma once
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace tidemill {

class Task {
public:
    Task() = default;
    Task(std::nullptr_t) {}

    // An empty std::function or a null pointer makes an empty task.
    template <class Function>
        requires(!std::is_same_v<std::decay_t<Function>, Task> && std::is_invocable_v<std::decay_t<Function>&>)
    Task(Function&& function) {
        using Held = std::decay_t<Function>;
        if constexpr (requires(const Held& held) { held == nullptr; }) {
            if (function == nullptr) return;
        }
        if constexpr (is_small<Held>) {
            new (&room_) Held(std::forward<Function>(function));
        } else {
            *reinterpret_cast<Held**>(&room_) = new Held(std::forward<Function>(function));
        }
        kind_ = &kind_of<Held>;
    }

    Task(Task&& other) noexcept { take(other); }
    Task& operator=(Task&& other) noexcept {
        Task old;  // goes last: a destructor may come back here
        old.take(*this);
        take(other);
        return *this;
    }
    ~Task() {
        if (kind_ != nullptr && kind_->drop != nullptr) kind_->drop(&room_);
    }

    explicit operator bool() const { return kind_ != nullptr; }

    // It must not be empty.
    void operator()() const { kind_->call(&room_); }

    // Of what was put in; void for an empty task.
    const std::type_info& target_type() const { return kind_ != nullptr ? *kind_->type : typeid(void); }

private:
    static constexpr std::size_t size = 3 * sizeof(void*);
    struct alignas(void*) Room {
        std::byte octets[size];
    };

    // What can be done with a type that is held. move, drop: nullptr where the octets are all there is to it.
    struct Kind {
        void (*call)(void* room);
        void (*move)(void* to, void* from) noexcept;
        void (*drop)(void* room) noexcept;
        const std::type_info* type;
    };

    template <class Held>
    static constexpr bool is_small = sizeof(Held) <= size && alignof(Held) <= alignof(void*) && std::is_nothrow_move_constructible_v<Held>;

    template <class Held>
    static Held& held(void* room) {
        if constexpr (is_small<Held>) {
            return *std::launder(reinterpret_cast<Held*>(room));
        } else {
            return **reinterpret_cast<Held**>(room);
        }
    }

    template <class Held>
    static void call_held(void* room) {
        static_cast<void>(held<Held>(room)());
    }

    template <class Held>
    static void move_held(void* to, void* from) noexcept {
        new (to) Held(std::move(held<Held>(from)));
        std::destroy_at(&held<Held>(from));
    }

    template <class Held>
    static void drop_held(void* room) noexcept {
        if constexpr (is_small<Held>) {
            std::destroy_at(&held<Held>(room));
        } else {
            delete &held<Held>(room);
        }
    }

    template <class Held>
    static constexpr bool is_plain = is_small<Held> && std::is_trivially_copyable_v<Held>;

    template <class Held>
    static constexpr Kind kind_of{&call_held<Held>, is_small<Held> && !is_plain<Held> ? &move_held<Held> : nullptr,
                                  is_plain<Held> ? nullptr : &drop_held<Held>, &typeid(Held)};

    void take(Task& other) noexcept {
        kind_ = std::exchange(other.kind_, nullptr);
        if (kind_ == nullptr) return;
        if (kind_->move != nullptr) {
            kind_->move(&room_, &other.room_);
        } else {
            room_ = other.room_;
        }
    }

    const Kind* kind_ = nullptr;
    mutable Room room_{};
};

}  // namespace tidemill
