// Five reads that are short or full, on real sockets. After each you are asked whether that was
// all, and then one more read shows it.
#include "../../01_a_page_please/descriptor.hpp"
#include "../../01_a_page_please/page.hpp"
#include "../../stage/check.hpp"

#include EXERCISE

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace {

using tour::socket_kind;

struct connection {
  tour::descriptor here, there;
};

connection pair(int type) {
  int ends[2];
  tour::check(socketpair(AF_UNIX, type, 0, ends) == 0, "no socket");
  return {tour::descriptor(ends[0]), tour::descriptor(ends[1])};
}

connection tcp() {
  const tour::descriptor listener(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in at = tour::loopback(0);
  socklen_t size = sizeof at;
  const auto name = reinterpret_cast<sockaddr*>(&at);
  tour::check(bind(listener.get(), name, size) == 0 && listen(listener.get(), 1) == 0, "no port");
  getsockname(listener.get(), name, &size);
  connection c;
  c.there = tour::descriptor(socket(AF_INET, SOCK_STREAM, 0));
  tour::check(connect(c.there.get(), name, size) == 0, "no connection");
  c.here = tour::descriptor(accept(listener.get(), nullptr, nullptr));
  return c;
}

void arrives(const connection& c, const char* text) {
  tour::check(send(c.there.get(), text, std::strlen(text), 0) > 0, "nothing could be sent");
}

// The same, with a descriptor sent along.
void arrives_with_descriptor(const connection& c, const char* text) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec bytes{const_cast<char*>(text), std::strlen(text)};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = c.there.get();
  std::memcpy(CMSG_DATA(head), &fd, sizeof fd);
  tour::check(sendmsg(c.there.get(), &message, 0) > 0, "no descriptor could be sent");
}

void judge(const connection& c, socket_kind kind, std::size_t asked, bool hung_up,
           const char* what) {
  char buffer[64];
  const ssize_t got = recv(c.here.get(), buffer, asked, 0);
  tour::check(got > 0, "%s: nothing could be read", what);
  const bool said = tour::drained({kind, asked, static_cast<std::size_t>(got), hung_up});
  const ssize_t more = recv(c.here.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  const bool was = more < 0 && errno == EAGAIN;
  tour::check(!said || was,
              "%s: of %zu bytes asked for, %zd came; you say that this is all, and %s", what, asked,
              got, more == 0 ? "the end was to be read" : "there were more");
}

}  // namespace

int main() {
  connection c = tcp();
  arrives(c, "abc");
  judge(c, socket_kind::tcp, 10, false, "a short read of TCP");
  tour::check(tour::drained({socket_kind::tcp, 10, 3, false}),
              "a short read of TCP, where nobody has closed, is a proof: use it");
  arrives(c, "abcdef");
  judge(c, socket_kind::tcp, 3, false, "a full read of TCP");

  c = pair(SOCK_DGRAM);
  arrives(c, "abc");
  arrives(c, "def");
  judge(c, socket_kind::datagram, 10, false, "a datagram");

  c = pair(SOCK_STREAM);
  arrives_with_descriptor(c, "abc");
  arrives(c, "def");
  judge(c, socket_kind::unix_stream, 10, false, "a Unix stream with a descriptor in it");

  c = tcp();
  arrives(c, "abc");
  c.there = tour::descriptor();
  // Until the end has come too: a read with MSG_WAITALL and MSG_PEEK waits for as much, or the end.
  char all[10];
  tour::check(recv(c.here.get(), all, sizeof all, MSG_PEEK | MSG_WAITALL) == 3, "not 3 bytes");
  judge(c, socket_kind::tcp, 10, true, "a short read of TCP, and the other side has closed");
  std::puts("a short read proves something on a TCP stream that has not hung up, and nowhere else");
}
