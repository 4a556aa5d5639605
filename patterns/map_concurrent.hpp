// map_concurrent: an asynchronous function over every element of a range, at most so many at a
// time.
//
//   std::vector<page> pages = co_await map_concurrent(urls, 20, fetch);
//
// `limit` workers pull the elements in order, so that a million elements need the frames of `limit`
// tasks.
#pragma once

#include <rondo/patterns/gather.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/sleep.hpp>

#include <algorithm>
#include <optional>
#include <ranges>
#include <stdexcept>

namespace rondo {
namespace detail {

// The parent's wait for the workers. When every element is done the result is there, whatever
// becomes of workers that had not begun.
class [[nodiscard("without co_await nothing happens")]] map_wait final : public gather_wait {
 public:
  explicit map_wait(std::vector<branch<void>>& workers) noexcept : gather_wait(true) {
    for (branch<void>& w : workers) add(w);
  }
  void all_done() noexcept { decide(); }
};

// What the workers share; it lives in the frame of the task that map_concurrent gives.
template <class Element, class Fn>
struct mapping {
  using result = awaited_t<std::invoke_result_t<Fn&, Element>>;
  using stored =
      std::conditional_t<std::is_void_v<result>, std::monostate, std::optional<stored_t<result>>>;

  std::vector<Element> elements;
  Fn fn;
  std::vector<stored> results{};
  std::size_t next = 0;
  std::size_t done = 0;
  map_wait* wait = nullptr;
};

template <class Element, class Fn>
task<> map_worker(mapping<Element, Fn>& m) {
  using result = typename mapping<Element, Fn>::result;
  while (m.next < m.elements.size()) {
    // A worker that was woken before a cancellation came must not take up another element.
    if (current_job().must_stop()) co_await yield_now();
    const std::size_t i = m.next++;
    if constexpr (std::is_void_v<result>)
      co_await m.fn(std::move(m.elements[i]));
    else if constexpr (std::is_reference_v<result>)
      m.results[i].emplace(std::addressof(co_await m.fn(std::move(m.elements[i]))));
    else
      m.results[i].emplace(co_await m.fn(std::move(m.elements[i])));
    if (++m.done == m.elements.size()) m.wait->all_done();
  }
}

template <class Element, class Fn>
task<gathered_t<typename mapping<Element, Fn>::result>> run_map(std::vector<Element> elements,
                                                                std::size_t limit, Fn fn) {
  using result = typename mapping<Element, Fn>::result;
  mapping<Element, Fn> m{std::move(elements), std::move(fn)};
  if constexpr (!std::is_void_v<result>) m.results.resize(m.elements.size());

  const std::size_t count = std::min(limit, m.elements.size());
  std::vector<task<>> workers;
  workers.reserve(count);
  while (workers.size() < count) workers.push_back(map_worker(m));
  std::vector<branch<void>> branches = make_branches(std::move(workers));
  map_wait all(branches);
  m.wait = &all;
  co_await all;

  if constexpr (!std::is_void_v<result>) {
    gathered_t<result> values;
    values.reserve(m.results.size());
    for (auto& r : m.results) values.push_back(std::move(*r));
    co_return values;
  }
}

}  // namespace detail

// Awaits fn(element) for every element of `range`, at most `limit` of them at a time, started in
// order; completes with a vector of the results in the order of the input, or void when fn gives
// nothing. The elements are moved out of an rvalue container and copied out of anything else, at
// the call, and are kept with `fn` until the end; fn gets each as an rvalue. The first exception
// (of fn or of its task) cancels the rest and is rethrown when they have ended; later ones go to
// on_unhandled. No element is taken up after that. Cancellation: as for gather. Throws
// std::invalid_argument when `limit` is 0, std::bad_alloc.
template <std::ranges::input_range Range, class Fn>
  requires detail::awaitable<std::invoke_result_t<Fn&, std::ranges::range_value_t<Range>>>
auto map_concurrent(Range&& range, detail::amount limit, Fn fn) {
  using element = std::ranges::range_value_t<Range>;
  if (limit == 0) throw std::invalid_argument("map_concurrent: a limit of 0 would never start");
  constexpr bool owned = !std::is_lvalue_reference_v<Range> &&
                         !std::ranges::view<std::remove_cvref_t<Range>> &&
                         !std::is_const_v<std::remove_reference_t<Range>>;
  std::vector<element> elements;
  if constexpr (std::is_same_v<Range, std::vector<element>>) {
    elements = std::forward<Range>(range);
  } else {
    if constexpr (std::ranges::sized_range<Range>)
      elements.reserve(static_cast<std::size_t>(std::ranges::size(range)));
    for (auto&& e : range) {
      if constexpr (owned)
        elements.push_back(std::move(e));
      else
        elements.push_back(std::forward<decltype(e)>(e));
    }
  }
  return detail::run_map<element, Fn>(std::move(elements), limit, std::move(fn));
}

}  // namespace rondo
