// The other side of the programs, and not their subject: a server on 127.0.0.1 that answers
// `GET /N` with a page of N bytes, 100 ms after it was asked, and `GET /N/D` after D ms. One thread
// accepts, and each connection has a thread that answers.
//
//   server s;
//   fetch(s.port(), "/1000");
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace tour {

class server {
 public:
  // With `together`, nobody is answered until so many have asked at the same time, or nobody more
  // has asked for 2 s.
  explicit server(int delay_ms = 100, int together = 0)
      : delay_ms_(delay_ms),
        together_(together),
        fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    const auto name = reinterpret_cast<sockaddr*>(&at);
    if (bind(fd_, name, size) != 0 || listen(fd_, most) != 0) std::abort();
    getsockname(fd_, name, &size);
    port_ = ntohs(at.sin_port);
    // Its threads take no signals: those are for the program.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&accepts_, nullptr, accept_all, this) != 0) std::abort();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  // Waits until everybody has been answered.
  ~server() {
    shutdown(fd_, SHUT_RDWR);
    pthread_join(accepts_, nullptr);
    close(fd_);
  }

  unsigned short port() const { return port_; }
  // How many have waited for their answer at the same time.
  int most_at_once() {
    pthread_mutex_lock(&lock_);
    const int most_waiting = most_waiting_;
    pthread_mutex_unlock(&lock_);
    return most_waiting;
  }

 private:
  static constexpr int most = 1000;  // connections in its life
  struct connection {
    server* of;
    int fd;
    pthread_t thread;
  };

  static void* accept_all(void* self) {
    server& s = *static_cast<server*>(self);
    static thread_local connection all[most];
    int n = 0;
    for (; n < most; ++n) {
      all[n].of = &s;
      all[n].fd = accept4(s.fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (all[n].fd < 0) break;  // the end has come
      if (pthread_create(&all[n].thread, nullptr, answer, &all[n]) != 0) std::abort();
    }
    while (n > 0) pthread_join(all[--n].thread, nullptr);
    return nullptr;
  }

  static void* answer(void* c) {
    server& s = *static_cast<connection*>(c)->of;
    const int fd = static_cast<connection*>(c)->fd;
    std::string request;
    char buffer[1024];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) break;  // it has gone without having asked
      request.append(buffer, static_cast<std::size_t>(n));
    }
    char* rest = nullptr;
    const long bytes = request.size() > 5 ? std::strtol(request.c_str() + 5, &rest, 10) : 0;
    const long delay_ms = rest && *rest == '/' ? std::atol(rest + 1) : s.delay_ms_;
    s.wait_for_the_others();
    usleep(static_cast<useconds_t>(delay_ms) * 1000);
    s.count(-1);
    // In two pieces, as pages often come.
    const std::string body(static_cast<std::size_t>(bytes), 'x');
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes) +
                "\r\nConnection: close\r\n\r\n");
    say(fd, body);
    close(fd);
    return nullptr;
  }

  static void say(int fd, const std::string& text) {
    std::size_t gone = 0;
    while (gone < text.size()) {
      const ssize_t n = ::send(fd, text.data() + gone, text.size() - gone, MSG_NOSIGNAL);
      if (n < 0) return;  // nobody listens any more
      gone += static_cast<std::size_t>(n);
    }
  }

  void count(int more) {
    pthread_mutex_lock(&lock_);
    waiting_ += more;
    if (waiting_ > most_waiting_) most_waiting_ = waiting_;
    pthread_mutex_unlock(&lock_);
  }
  void wait_for_the_others() {
    count(1);
    timespec end{};
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 2;
    pthread_mutex_lock(&lock_);
    if (most_waiting_ >= together_) pthread_cond_broadcast(&changed_);
    for (int seen = most_waiting_; most_waiting_ < together_ && !gave_up_;) {
      if (pthread_cond_timedwait(&changed_, &lock_, &end) == 0) continue;
      gave_up_ = most_waiting_ == seen;
      seen = most_waiting_;
      end.tv_sec += 2;
    }
    pthread_mutex_unlock(&lock_);
  }

  int delay_ms_;
  int together_;
  int fd_;
  unsigned short port_ = 0;
  pthread_t accepts_{};
  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
  int waiting_ = 0;
  int most_waiting_ = 0;
  bool gave_up_ = false;
};

}  // namespace tour
