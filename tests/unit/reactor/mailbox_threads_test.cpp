#include "tidemill/reactor/mailbox.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "tidemill/reactor/reactor.h"

using namespace tidemill;

TEST_CASE("mailbox_closed_refuses_mail_and_hands_out_the_rest") {
    Mailbox mailbox;
    REQUIRE(mailbox.open().ok());
    CHECK(mailbox.post([] {}));
    CHECK(mailbox.has_mail());
    CHECK(mailbox.close().size() == 1);
    CHECK_FALSE(mailbox.post([] {}));
    CHECK_FALSE(mailbox.has_mail());
}

TEST_CASE("mailbox_mail_of_one_thread_keeps_its_order") {
    Mailbox mailbox;
    REQUIRE(mailbox.open().ok());
    std::vector<int> order;
    for (int i = 0; i < 100; ++i) mailbox.post([&order, i] { order.push_back(i); });
    TaskQueue mail;
    mailbox.take(mail);
    while (!mail.is_empty()) mail.pop().task();
    REQUIRE(order.size() == 100);
    for (int i = 0; i < 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
    mailbox.take(mail);
    CHECK(mail.is_empty());
}

TEST_CASE("mailbox_that_outlives_its_reactor_refuses_from_any_thread") {
    std::optional<Reactor> reactor(std::in_place);
    const std::shared_ptr<Mailbox> mailbox = reactor->mailbox();
    std::atomic<bool> is_over{false};
    std::atomic<int> accepted{0};
    const auto held = std::make_shared<int>(1);
    std::vector<std::thread> posters;
    for (int i = 0; i < 3; ++i) {
        posters.emplace_back([&] {
            while (!is_over) {
                if (mailbox->post([held] {})) ++accepted;
            }
        });
    }
    while (accepted < 100) std::this_thread::yield();
    reactor.reset();
    CHECK_FALSE(mailbox->post([held] {}));
    is_over = true;
    for (std::thread& poster : posters) poster.join();
    CHECK(held.use_count() == 1);  // all that was posted was dropped
}
