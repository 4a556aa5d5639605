// The reactor's operations as they are, without the sockets that net/ makes of them.
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/runtime/receive.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using detail::descriptor;
using detail::io_call;
using detail::transfers;
using rondo_test::cancel_at_every_wait;
using rondo_test::run_on;

detail::reactor& io() { return detail::this_core().io(); }

// An attached descriptor, closed at the end.
class owned {
 public:
  explicit owned(int fd) : d_{fd, io().attach(fd, transfers::may_stop_short)} {}
  owned(int family, int type) : owned(io().open_socket(family, type, 0)) {}
  owned(const owned&) = delete;
  owned& operator=(const owned&) = delete;
  ~owned() { io().close(d_); }
  descriptor get() const { return d_; }

 private:
  descriptor d_;
};

// A kind of operation with another kind's arguments does not compile.
template <class P>
concept received_into = requires(P p) { io_call::recv(p, 1); };
template <class P>
concept sent_from = requires(P p) { io_call::send(p, 1); };
template <class P>
concept connected_to = requires(P p) { io_call::connect(p, 1); };
template <class P>
concept received_as_message = requires(P p) { io_call::recvmsg(p, 1); };
template <class P>
concept received_as_batch = requires(P p) { io_call::recvmmsg(p, 1); };
static_assert(received_into<char*> && !received_into<const char*>);
static_assert(sent_from<const char*>);
static_assert(connected_to<const sockaddr*> && !connected_to<char*>);
static_assert(received_as_message<msghdr*> && !received_as_message<mmsghdr*>);
static_assert(received_as_batch<mmsghdr*> && !received_as_batch<msghdr*>);
static_assert(!std::is_default_constructible_v<io_call>);

class raw_wait final : public detail::io_wait {
 public:
  raw_wait(descriptor d, const io_call& call) : io_wait(d, call) {}
  std::int32_t await_resume() const noexcept { return result; }
};

raw_wait receive_message(const owned& s, msghdr& m, std::size_t n = 0) {
  return {s.get(), io_call::recvmsg(&m, static_cast<std::uint32_t>(n))};
}
raw_wait send_message(const owned& s, msghdr& m, std::size_t n = 0) {
  return {s.get(), io_call::sendmsg(&m, static_cast<std::uint32_t>(n))};
}

struct name {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

name loopback() {
  name n;
  auto* a = reinterpret_cast<sockaddr_in*>(&n.storage);
  a->sin_family = AF_INET;
  a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  n.size = sizeof *a;
  return n;
}

// Abstract, and of this process alone.
name abstract_name(std::string_view what) {
  name n;
  auto* a = reinterpret_cast<sockaddr_un*>(&n.storage);
  a->sun_family = AF_UNIX;
  const std::string text = std::string(what) + "-" + std::to_string(::getpid());
  std::memcpy(a->sun_path + 1, text.data(), text.size());
  n.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  return n;
}

name bind_to(const owned& s, name n) {
  EXPECT_EQ(io().bind(s.get().fd, n.get(), n.size), 0);
  name bound;
  EXPECT_EQ(io().local_name(s.get().fd, bound.get(), &bound.size), 0);
  return bound;
}

bool same(const name& a, const name& b) {
  return a.size == b.size && std::memcmp(&a.storage, &b.storage, a.size) == 0;
}

// One buffer, and where it goes or came from.
struct message {
  explicit message(std::string_view text) : bytes(text) { point(); }
  explicit message(std::size_t room) : bytes(room, '\0') { point(); }
  message(const message&) = delete;
  message& operator=(const message&) = delete;
  ~message() = default;
  msghdr& to(name& n) {
    header.msg_name = &n.storage;
    header.msg_namelen = n.size;
    return header;
  }
  std::string_view first(std::int32_t n) const {
    return std::string_view(bytes).substr(0, static_cast<std::size_t>(std::max(n, 0)));
  }
  std::string bytes;
  name from;
  iovec part{};
  msghdr header{};

 private:
  void point() {
    part = {bytes.data(), bytes.size()};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
  }
};

task<std::int32_t> connect_to(const owned& s, name to) {
  co_return co_await raw_wait(s.get(), io_call::connect(to.get(), to.size));
}

CONFORMANCE(Operations, OneMessageTakesBytesFromManyBuffersAndSpreadsThemOverMany) {
  int fds[2];
  EXPECT_EQ(io().open_pair(SOCK_STREAM, fds), 0);
  const owned one(fds[0]);
  const owned other(fds[1]);
  std::string a = "to";
  std::string b = "gether";
  std::array<iovec, 2> out{{{a.data(), a.size()}, {b.data(), b.size()}}};
  msghdr sent{};
  sent.msg_iov = out.data();
  sent.msg_iovlen = 2;
  EXPECT_EQ(co_await send_message(one, sent, 8), 8);
  std::array<char, 5> front{};
  std::array<char, 5> back{};
  std::array<iovec, 2> in{{{front.data(), front.size()}, {back.data(), back.size()}}};
  msghdr got{};
  got.msg_iov = in.data();
  got.msg_iovlen = 2;
  EXPECT_EQ(co_await receive_message(other, got, 10), 8);
  EXPECT_EQ(std::string_view(front.data(), 5), "toget");
  EXPECT_EQ(std::string_view(back.data(), 3), "her");
}

CONFORMANCE(Operations, ADatagramComesWholeWithItsSendersName) {
  const owned one(AF_INET, SOCK_DGRAM);
  const owned other(AF_INET, SOCK_DGRAM);
  const name from = bind_to(one, loopback());
  name to = bind_to(other, loopback());
  for (const char* text : {"first", "", "third"}) {
    message sent((std::string_view(text)));
    EXPECT_EQ(co_await send_message(one, sent.to(to)), static_cast<int>(sent.bytes.size()));
    message got(std::size_t{100});
    const std::int32_t n = co_await receive_message(other, got.to(got.from));
    EXPECT_EQ(got.first(n), text);
    EXPECT_EQ(got.header.msg_flags & MSG_TRUNC, 0);
    got.from.size = got.header.msg_namelen;
    EXPECT_TRUE(same(got.from, from));
  }
}

CONFORMANCE(Operations, ADatagramThatDoesNotFitIsCutAndSaysSo) {
  const owned one(AF_INET, SOCK_DGRAM);
  const owned other(AF_INET, SOCK_DGRAM);
  name to = bind_to(other, loopback());
  message sent("more than fits");
  co_await send_message(one, sent.to(to));
  message got(std::size_t{4});
  EXPECT_EQ(got.first(co_await receive_message(other, got.header)), "more");
  EXPECT_NE(got.header.msg_flags & MSG_TRUNC, 0);
}

CONFORMANCE(Operations, AConnectedDatagramSocketHearsThatNobodyIsThere) {
  name nobody;
  {
    const owned gone(AF_INET, SOCK_DGRAM);
    nobody = bind_to(gone, loopback());
  }
  const owned s(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(co_await connect_to(s, nobody), 0);
  message sent("anybody?");
  EXPECT_EQ(co_await send_message(s, sent.header), 8);
  message got(std::size_t{10});
  EXPECT_EQ(co_await receive_message(s, got.header), -ECONNREFUSED);
}

CONFORMANCE(Operations, ADatagramLargerThanUdpCarriesIsRefused) {
  const owned one(AF_INET, SOCK_DGRAM);
  const owned other(AF_INET, SOCK_DGRAM);
  name to = bind_to(other, loopback());
  message sent(std::size_t{65'508});
  EXPECT_EQ(co_await send_message(one, sent.to(to)), -EMSGSIZE);
}

CONFORMANCE(Operations, ABatchOfDatagramsIsOneOperation) {
  const owned one(AF_INET, SOCK_DGRAM);
  const owned other(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(co_await connect_to(one, bind_to(other, loopback())), 0);
  std::array<std::string, 4> texts{"a", "bb", "ccc", "dddd"};
  std::array<std::array<char, 8>, 8> rooms{};
  std::array<iovec, 8> parts{};
  std::array<mmsghdr, 8> batch{};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    parts[i] = {texts[i].data(), texts[i].size()};
    batch[i].msg_hdr.msg_iov = &parts[i];
    batch[i].msg_hdr.msg_iovlen = 1;
  }
  EXPECT_EQ(co_await raw_wait(one.get(), io_call::sendmmsg(batch.data(), 4)), 4);
  std::size_t total = 0;
  while (total < 4) {
    for (std::size_t i = 0; i < rooms.size(); ++i) {
      parts[i] = {rooms[i].data(), rooms[i].size()};
      batch[i].msg_hdr.msg_iov = &parts[i];
      batch[i].msg_hdr.msg_iovlen = 1;
    }
    const std::int32_t n = co_await raw_wait(other.get(), io_call::recvmmsg(batch.data(), 8));
    EXPECT_GT(n, 0);
    if (n <= 0) co_return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
      EXPECT_EQ(std::string_view(rooms[i].data(), batch[i].msg_len), texts.at(total++));
  }
}

CONFORMANCE(Operations, AUnixStreamIsReachedByItsAbstractName) {
  const owned listener(AF_UNIX, SOCK_STREAM);
  const name here = bind_to(listener, abstract_name("stream"));
  EXPECT_EQ(io().listen(listener.get().fd, 4), 0);
  const owned client(AF_UNIX, SOCK_STREAM);
  EXPECT_EQ(co_await connect_to(client, here), 0);
  const owned server(co_await raw_wait(listener.get(), io_call::accept()));
  name peer;
  EXPECT_EQ(io().peer_name(client.get().fd, peer.get(), &peer.size), 0);
  EXPECT_TRUE(same(peer, here));
  message sent("hello");
  EXPECT_EQ(co_await send_message(client, sent.header, 5), 5);
  message got(std::size_t{10});
  EXPECT_EQ(got.first(co_await receive_message(server, got.header, 10)), "hello");
  const owned late(AF_UNIX, SOCK_STREAM);
  EXPECT_EQ(co_await connect_to(late, abstract_name("nobody")), -ECONNREFUSED);
}

CONFORMANCE(Operations, AUnixDatagramWaitsForRoom) {
  const owned one(AF_UNIX, SOCK_DGRAM);
  const owned other(AF_UNIX, SOCK_DGRAM);
  name to = bind_to(other, abstract_name("datagrams"));
  constexpr int count = 300;  // many times what a queue holds
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (int i = 0; i < count; ++i) {
        message sent(std::to_string(i));
        EXPECT_GT(co_await send_message(one, sent.to(to)), 0);
      }
    });
    co_await sleep_for(1ms);
    for (int i = 0; i < count; ++i) {
      message got(std::size_t{10});
      EXPECT_EQ(got.first(co_await receive_message(other, got.header)), std::to_string(i));
    }
  });
}

CONFORMANCE(Operations, ReceiveLendsABufferWhenBytesAreThere) {
  int fds[2];
  EXPECT_EQ(io().open_pair(SOCK_STREAM, fds), 0);
  const owned one(fds[0]);
  const owned other(fds[1]);
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      for (const char* text : {"one", "two"}) {
        const received_bytes piece = co_await detail::receive_wait(other.get());
        EXPECT_EQ(
            std::string_view(reinterpret_cast<const char*>(piece.bytes().data()), piece.size()),
            text);
      }
      EXPECT_TRUE((co_await detail::receive_wait(other.get())).empty());
    });
    for (const char* text : {"one", "two"}) {
      co_await sleep_for(1ms);
      message sent((std::string_view(text)));
      EXPECT_EQ(co_await send_message(one, sent.header), 3);
    }
    co_await sleep_for(1ms);
    io().shutdown(one.get().fd, SHUT_WR);
  });
}

// --- a poll of what is Rondo's own ---------------------------------------------------------------

void send_text(const owned& s, std::string_view text) {
  EXPECT_EQ(io().send_now(s.get().fd, text.data(), text.size()), static_cast<int>(text.size()));
}
task<std::string> receive_text(const owned& s) {
  const received_bytes piece = co_await detail::receive_wait(s.get());
  co_return std::string(reinterpret_cast<const char*>(piece.bytes().data()), piece.size());
}
task<> turns() {
  for (int i = 0; i < 5; ++i) co_await yield_now();
  co_await sleep_for(1ms);
}

CONFORMANCE(Operations, APollAndAReadTakeTheDirectionFromEachOther) {
  int fds[2];
  EXPECT_EQ(io().open_pair(SOCK_STREAM, fds), 0);
  const owned one(fds[0]);
  const owned other(fds[1]);
  char bytes[8];
  const auto read = [&]() -> task<std::int32_t> {
    co_return co_await raw_wait(one.get(), io_call::recv(bytes, 8));
  };
  co_await with_task_group([&](task_group& g) -> task<> {
    auto reader = g.spawn(read);
    co_await turns();
    EXPECT_EQ((co_await as_result(readable(fds[0]))).code(), io_errc::busy);
    send_text(other, "one");
    EXPECT_EQ(co_await reader, 3);

    auto poll = g.spawn(readable(fds[0]));
    co_await turns();
    EXPECT_EQ(co_await read(), detail::result_busy);
    EXPECT_EQ((co_await as_result(detail::receive_wait(one.get()))).code(), io_errc::busy);
    EXPECT_EQ((co_await as_result(readable(fds[0]))).code(), io_errc::busy);
    EXPECT_FALSE(poll.done());
    send_text(other, "two");
    co_await poll;
    EXPECT_EQ(co_await read(), 3);

    auto cancelled = g.spawn(readable(fds[0]));
    co_await turns();
    cancelled.cancel();
    (void)co_await cancelled.join();
    EXPECT_FALSE(co_await try_for(1ms, read()));
    EXPECT_FALSE(co_await try_for(1ms, readable(fds[0])));
  });
}

CONFORMANCE(Operations, APollAndAWriteTakeTheDirectionFromEachOther) {
  int fds[2];
  EXPECT_EQ(io().open_pair(SOCK_STREAM, fds), 0);
  const owned one(fds[0]);
  const owned other(fds[1]);
  std::string bytes(1 << 22, 'x');
  std::size_t sent = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto writer = g.spawn([&]() -> task<> {
      while (sent < bytes.size()) {
        const std::int32_t n =
            co_await raw_wait(one.get(), io_call::send(bytes.data() + sent, bytes.size() - sent));
        EXPECT_GT(n, 0);
        if (n <= 0) co_return;
        sent += static_cast<std::size_t>(n);
      }
    });
    co_await turns();
    EXPECT_FALSE(writer.done());
    EXPECT_EQ((co_await as_result(writable(fds[0]))).code(), io_errc::busy);
    for (std::size_t read = 0; read < bytes.size();) {
      const std::size_t n = (co_await receive_text(other)).size();
      EXPECT_GT(n, 0U);
      if (n == 0) break;
      read += n;
    }
    co_await writer;
    co_await writable(fds[0]);
  });
}

// On io_uring bytes come without being asked for once a receive has begun a stream of them.
CONFORMANCE(Operations, APollSeesWhatHasComeBeforeAnybodyAsked) {
  int fds[2];
  EXPECT_EQ(io().open_pair(SOCK_STREAM, fds), 0);
  const owned one(fds[0]);
  const owned other(fds[1]);
  co_await with_task_group([&](task_group& g) -> task<> {
    auto first = g.spawn(receive_text(one));
    co_await turns();
    EXPECT_EQ((co_await as_result(readable(fds[0]))).code(), io_errc::busy);
    send_text(other, "one");
    EXPECT_EQ(co_await first, "one");

    EXPECT_FALSE(co_await try_for(1ms, readable(fds[0])));
    send_text(other, "two");
    co_await turns();
    co_await timeout(10s, readable(fds[0]));
    co_await timeout(10s, readable(fds[0]));  // nothing has been read
    EXPECT_EQ(co_await receive_text(one), "two");

    auto poll = g.spawn(readable(fds[0]));
    co_await turns();
    EXPECT_FALSE(poll.done());
    EXPECT_EQ((co_await as_result(detail::receive_wait(one.get()))).code(), io_errc::busy);
    send_text(other, "three");
    co_await poll;
    EXPECT_EQ(co_await receive_text(one), "three");

    io().shutdown(fds[1], SHUT_WR);
    co_await timeout(10s, readable(fds[0]));
    EXPECT_EQ(co_await receive_text(one), "");
  });
}

CONFORMANCE(Operations, APollOfWhatIsClosedUnderItEnds) {
  int fds[2];
  EXPECT_EQ(io().open_pair(SOCK_STREAM, fds), 0);
  const owned other(fds[1]);
  const descriptor d{fds[0], io().attach(fds[0], transfers::may_stop_short)};
  co_await with_task_group([&](task_group& g) -> task<> {
    auto poll = g.spawn([&]() -> task<std::error_code> {
      co_return (co_await as_result(readable(fds[0]))).code();
    });
    co_await turns();
    io().close(d);
    EXPECT_EQ(co_await poll, io_errc::closed);
  });
}

CONFORMANCE_RUNS(CancelEveryWait, Messages) {
  int sent_count = 0;
  int got_count = 0;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        sent_count = got_count = 0;
        const owned one(AF_INET, SOCK_DGRAM);
        const owned other(AF_INET, SOCK_DGRAM);
        name to = bind_to(other, loopback());
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            for (int i = 0; i < 3; ++i) {
              message got(std::size_t{10});
              EXPECT_GT(co_await receive_message(other, got.header), 0);
              ++got_count;
            }
          });
          for (int i = 0; i < 3; ++i) {
            co_await sleep_for(100us);
            message m("x");
            co_await send_message(one, m.to(to));
            ++sent_count;
          }
        });
      },
      [&] { EXPECT_LE(got_count, sent_count + 1); });
  EXPECT_GE(n.at_wake, 6U);
}

CONFORMANCE_RUNS(CancelEveryWait, Receive) {
  std::string got;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        got.clear();
        int fds[2];
        EXPECT_EQ(io().open_pair(SOCK_STREAM, fds), 0);
        const owned one(fds[0]);
        const owned other(fds[1]);
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            for (;;) {
              const received_bytes piece = co_await detail::receive_wait(other.get());
              if (piece.empty()) break;
              got.append(reinterpret_cast<const char*>(piece.bytes().data()), piece.size());
            }
          });
          for (const char* text : {"abc", "def", "ghi"}) {
            co_await sleep_for(100us);
            message m((std::string_view(text)));
            co_await send_message(one, m.header);
          }
          io().shutdown(one.get().fd, SHUT_WR);
        });
      },
      [&](outcome<void>& r) {
        EXPECT_FALSE(r.has_error());
        EXPECT_TRUE(std::string_view("abcdefghi").starts_with(got));
        if (r.has_value()) {
          EXPECT_EQ(got.size(), 9U);
        }
      });
  EXPECT_GE(n.at_wake, 6U);
}

// Only io_uring serves files itself; what is above asks serves_files().
ON_KERNEL_REACTORS(Operations, AFileIsWrittenSyncedAndReadAtAnOffset) {
  run_on(reactor, [&]() -> task<> {
    EXPECT_EQ(io().serves_files(), reactor == reactor_kind::io_uring);
    const owned file(::memfd_create("rondo", MFD_CLOEXEC));
    std::string text = "0123456789";
    const std::int32_t wrote =
        co_await raw_wait(file.get(), io_call::write(text.data(), text.size(), 5));
    if (!io().serves_files()) {
      EXPECT_EQ(wrote, -EOPNOTSUPP);
      co_return;
    }
    EXPECT_EQ(wrote, 10);
    EXPECT_EQ(co_await raw_wait(file.get(), io_call::fsync(0)), 0);
    std::array<char, 20> back{};
    const std::int32_t n =
        co_await raw_wait(file.get(), io_call::read(back.data(), back.size(), 8));
    EXPECT_EQ(std::string_view(back.data(), static_cast<std::size_t>(std::max(n, 0))), "3456789");
  });
}

}  // namespace
