// libcurl's multi interface over epoll (curl_multi_socket_action): connections that ask for one URL again
// and again.
//
// usage: curl_client URL CONNECTIONS SECONDS [UNIX_SOCKET]
//
// Prints the requests, and the CPU time of this process, of the time after a warm-up of a tenth.
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512 };

static int epoll;
static long timeout_ms = -1;
static unsigned long requests, failed;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec * 1e-6; }

static size_t dropped(char* bytes, size_t size, size_t count, void* to) {
  (void)bytes, (void)to;
  return size * count;
}

static int watch(CURL* easy, curl_socket_t fd, int what, void* user, void* known) {
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
    curl_multi_assign(user, fd, NULL);
    return 0;
  }
  struct epoll_event e = {.data.fd = fd};
  if (what & CURL_POLL_IN) e.events |= EPOLLIN;
  if (what & CURL_POLL_OUT) e.events |= EPOLLOUT;
  epoll_ctl(epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e);
  if (!known) curl_multi_assign(user, fd, &epoll);
  return 0;
}

static int take_timeout(CURLM* multi, long ms, void* user) {
  (void)multi, (void)user;
  timeout_ms = ms;
  return 0;
}

static void run_until(CURLM* multi, double end) {
  struct epoll_event events[EVENTS];
  int running;
  while (now() < end) {
    const long wait = timeout_ms < 0 || timeout_ms > 100 ? 100 : timeout_ms;
    const int n = epoll_wait(epoll, events, EVENTS, (int)wait);
    for (int i = 0; i < n; i++) {
      const int what = (events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                       (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                       (events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0);
      curl_multi_socket_action(multi, events[i].data.fd, what, &running);
    }
    if (n == 0 || timeout_ms == 0)
      curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    CURLMsg* m;
    int left;
    while ((m = curl_multi_info_read(multi, &left))) {
      CURL* easy = m->easy_handle;
      if (m->data.result == CURLE_OK)
        requests++;
      else
        failed++;
      curl_multi_remove_handle(multi, easy);
      curl_multi_add_handle(multi, easy);
    }
  }
}

int main(int count, char** arguments) {
  if (count != 4 && count != 5) {
    fprintf(stderr, "usage: curl_client URL CONNECTIONS SECONDS [UNIX_SOCKET]\n");
    return 2;
  }
  const int connections = atoi(arguments[2]);
  const double time = atof(arguments[3]);
  curl_global_init(CURL_GLOBAL_ALL);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  CURLM* multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, multi);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, take_timeout);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections);
  for (int i = 0; i < connections; i++) {
    CURL* easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, arguments[1]);
    if (count == 5) curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, arguments[4]);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, dropped);
    curl_multi_add_handle(multi, easy);
  }
  run_until(multi, now() + time / 10);
  struct rusage before, after;
  requests = failed = 0;
  getrusage(RUSAGE_SELF, &before);
  const double begun = now();
  run_until(multi, begun + time);
  const double took = now() - begun;
  getrusage(RUSAGE_SELF, &after);
  printf(
      "{\"requests\": %lu, \"failed\": %lu, \"seconds\": %.6f, \"user_cpu_s\": %.6f, "
      "\"system_cpu_s\": %.6f}\n",
      requests, failed, took, seconds(after.ru_utime) - seconds(before.ru_utime),
      seconds(after.ru_stime) - seconds(before.ru_stime));
  return 0;
}
