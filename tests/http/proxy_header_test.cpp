// What stands before a server, and whose word it takes: the PROXY protocol's header, Forwarded,
// X-Forwarded-For.

#include <rondo/http.hpp>
#include <rondo/http/server/forwarding.hpp>
#include <rondo/http/wire/forwarded.hpp>
#include <rondo/http/wire/proxy_header.hpp>
#include <rondo/net.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace proxy_header_test {
namespace {

using namespace std::string_literals;
namespace http = rondo::http;
namespace net = rondo::net;
using http::detail::read_proxy_header;

// What a connection that brings `bytes` makes of it, read as read_proxy_header says: the source,
// "itself" when there is none, and what is left behind the header; "…" when more must come; the
// error.
std::string read_as_asked(std::string_view bytes) {
  std::string so_far;
  try {
    for (;;) {
      const auto h = read_proxy_header(so_far);
      if (h.complete) {
        const std::string_view left = bytes.substr(so_far.size());
        return (h.source ? h.source->to_string() : "itself"s) +
               (left.empty() ? "" : " then " + std::string(left));
      }
      EXPECT_GT(h.wants, 0U);
      const std::string_view next = bytes.substr(so_far.size(), h.wants);
      so_far += next;
      if (next.size() < h.wants) {
        // Not as many as were asked for: what there is must not be refused in the middle only.
        (void)read_proxy_header(so_far);
        return "…";
      }
    }
  } catch (const http::protocol_error& e) {
    constexpr std::string_view begin = "no header of the PROXY protocol: ";
    EXPECT_TRUE(e.message().starts_with(begin)) << e.message();
    return "refused: " + std::string(e.message().substr(begin.size()));
  }
}

// The same, byte by byte.
std::string read_byte_by_byte(std::string_view bytes) {
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    try {
      const auto h = read_proxy_header(bytes.substr(0, n));
      if (h.complete) {
        const std::string_view left = bytes.substr(n);
        return (h.source ? h.source->to_string() : "itself"s) +
               (left.empty() ? "" : " then " + std::string(left));
      }
    } catch (const http::protocol_error&) {
      return "refused";
    }
  }
  return "…";
}

struct row {
  std::string bytes;
  std::string_view verdict;  // "refused" for any refusal
};

void expect_verdicts(const std::vector<row>& table) {
  for (const auto& [bytes, verdict] : table) {
    SCOPED_TRACE(testing::PrintToString(bytes));
    const std::string asked = read_as_asked(bytes);
    const std::string each = read_byte_by_byte(bytes);
    if (verdict == "refused") {
      EXPECT_TRUE(asked.starts_with("refused")) << asked;
      EXPECT_EQ(each, "refused");
    } else {
      EXPECT_EQ(asked, verdict);
      EXPECT_EQ(each, verdict);
    }
  }
}

TEST(ProxyHeader, OfVersion1HasItsLongestLineAlsoWhenItComesAsOne) {
  const std::string begin = "PROXY UNKNOWN ";
  const std::size_t most = http::detail::proxy_v1_bytes - begin.size() - 2;
  EXPECT_TRUE(read_proxy_header(begin + std::string(most, 'a') + "\r\n").complete);
  EXPECT_THROW((void)read_proxy_header(begin + std::string(most + 1, 'a') + "\r\n"),
               http::protocol_error);
}

TEST(ProxyHeader, OfVersion1) {
  const std::string end = "\r\n";
  expect_verdicts({
      {"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n", "192.0.2.1:56324"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\nGET / HTTP/1.1\r\n\r\n",
       "192.0.2.1:56324 then GET / HTTP/1.1\r\n\r\n"},
      {"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n\r\n", "0.0.0.0:0 then \r\n"},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535"},
      {"PROXY TCP6 2001:db8::1 ::1 1 2\r\nx", "[2001:db8::1]:1 then x"},
      {"PROXY TCP6 :: :: 1 2\r\nx", "[::]:1 then x"},
      {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\nx",
       "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 then x"},
      {"PROXY UNKNOWN\r\nx", "itself then x"},
      {"PROXY UNKNOWN \r\nx", "itself then x"},
      {"PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\nx", "itself then x"},
      {"PROXY UNKNOWN \x01 what ever\r\nx", "itself then x"},
      {"PROXY UNKNOWN " + std::string(107 - 16, 'a') + end + "x", "itself then x"},
      // Too long, by one.
      {"PROXY UNKNOWN " + std::string(107 - 15, 'a') + end + "x", "refused"},
      {"PROXY UNKNOWN " + std::string(1000, 'a') + end, "refused"},
      // Not all.
      {"", "…"},
      {"P", "…"},
      {"PROXY ", "…"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443", "…"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r", "…"},
      // Line ends.
      {"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\nGET / HTTP/1.1\r\n\r\n", "refused"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\r\n", "refused"},
      {"PROXY UNKNOWN\rX\r\n   ", "refused"},
      // Beginnings.
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "refused"},
      {"proxy TCP4 192.0.2.1 10.0.0.1 56324 443\r\n", "refused"},
      {" PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n", "refused"},
      {"PROXY\tTCP4 192.0.2.1 10.0.0.1 56324 443\r\n", "refused"},
      {"\x16\x03\x01\x02", "refused"},
      // Families.
      {"PROXY TCP5 192.0.2.1 10.0.0.1 56324 443\r\n", "refused"},
      {"PROXY tcp4 192.0.2.1 10.0.0.1 56324 443\r\n", "refused"},
      {"PROXY UDP4 192.0.2.1 10.0.0.1 56324 443\r\n", "refused"},
      {"PROXY UNKNOWNX\r\n", "refused"},
      {"PROXY  TCP4 192.0.2.1 10.0.0.1 56324 443\r\n", "refused"},
      // Words.
      {"PROXY TCP4 192.0.2.1 10.0.0.1 56324\r\n              ", "refused"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443 \r\n", "refused"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443 1\r\n", "refused"},
      {"PROXY TCP4 192.0.2.1  10.0.0.1 56324 443\r\n", "refused"},
      // Addresses.
      {"PROXY TCP4 192.0.2.01 10.0.0.1 56324 443\r\n", "refused"},
      {"PROXY TCP4 192.0.2 10.0.0.1 56324 443\r\n       ", "refused"},
      {"PROXY TCP4 192.0.2.256 10.0.0.1 56324 443\r\n", "refused"},
      {"PROXY TCP4 0xC0.0.2.1 10.0.0.1 56324 443\r\n", "refused"},
      {"PROXY TCP4 2001:db8::1 ::1 56324 443\r\n", "refused"},
      {"PROXY TCP6 192.0.2.1 10.0.0.1 56324 443\r\n", "refused"},
      {"PROXY TCP6 fe80::1%1 ::1 56324 443\r\n", "refused"},
      {"PROXY TCP6 2001:db8::1::2 ::1 56324 443\r\n", "refused"},
      {"PROXY TCP4 192.0.2.1 nobody 56324 443\r\n", "refused"},
      {"PROXY TCP4 192.0.2.1\0 10.0.0.1 56324 443\r\n"s, "refused"},
      // Ports.
      {"PROXY TCP4 192.0.2.1 10.0.0.1 65536 443\r\n", "refused"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 56324 -1\r\n", "refused"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 +1 443\r\n", "refused"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 01 443\r\n", "refused"},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443x\r\n", "refused"},
  });
}

const std::string v2 = "\r\n\r\n\0\r\nQUIT\n"s;

std::string v2_header(char version_and_command, char family, const std::string& rest,
                      std::size_t size = ~std::size_t{0}) {
  if (size == ~std::size_t{0}) size = rest.size();
  return v2 + version_and_command + family + static_cast<char>(size >> 8) +
         static_cast<char>(size & 255) + rest;
}

TEST(ProxyHeader, OfVersion2) {
  const std::string v4 = "\xC0\x00\x02\x01\x0A\x00\x00\x01\xDC\x04\x01\xBB"s;
  const std::string v6 = "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01"s + std::string(15, '\0') +
                         "\x01" + "\xDC\x04\x01\xBB";
  const std::string unix_names(216, '/');
  const auto value = [](char type, const std::string& v) {
    return type + std::string(1, static_cast<char>(v.size() >> 8)) +
           static_cast<char>(v.size() & 255) + v;
  };
  const std::string alpn = value('\x01', "http/1.1");
  // CRC32c over the whole header with its own value as zeros, computed apart.
  const std::string checked = v2_header('\x21', '\x11', v4 + value('\x03', "\xa4\x54\x06\x56"));
  expect_verdicts({
      {v2_header('\x21', '\x11', v4), "192.0.2.1:56324"},
      {v2_header('\x21', '\x11', v4) + "GET", "192.0.2.1:56324 then GET"},
      {v2_header('\x21', '\x21', v6) + "x", "[2001:db8::1]:56324 then x"},
      {v2_header('\x21', '\x11', v4 + alpn) + "x", "192.0.2.1:56324 then x"},
      {v2_header('\x21', '\x11', v4 + value('\x04', "")) + "x", "192.0.2.1:56324 then x"},
      // Nothing that we know: the connection's own peer.
      {v2_header('\x21', '\x00', "") + "x", "itself then x"},
      {v2_header('\x21', '\x12', v4) + "x", "itself then x"},
      {v2_header('\x21', '\x31', unix_names) + "x", "itself then x"},
      {v2_header('\x20', '\x00', "") + "x", "itself then x"},
      {v2_header('\x20', '\x11', v4) + "x", "itself then x"},
      {v2_header('\x20', '\x11', "junk") + "x", "itself then x"},
      // Not all.
      {v2.substr(0, 5), "…"},
      {v2, "…"},
      {v2_header('\x21', '\x11', v4).substr(0, 27), "…"},
      // Beginnings.
      {"\r\n\r\n\0\r\nQUIX\n\x21\x11\0\0"s, "refused"},
      {"\r\nGET / HTTP/1.1\r\n\r\n", "refused"},
      // Versions, commands, families.
      {v2_header('\x11', '\x11', v4), "refused"},
      {v2_header('\x31', '\x11', v4), "refused"},
      {v2_header('\x22', '\x11', v4), "refused"},
      {v2_header('\x2f', '\x11', v4), "refused"},
      {v2_header('\x21', '\x41', v4), "refused"},
      {v2_header('\x21', '\x13', v4), "refused"},
      // Lengths.
      {v2_header('\x21', '\x11', v4.substr(1)), "refused"},
      {v2_header('\x21', '\x21', v4), "refused"},
      {v2_header('\x21', '\x31', v6), "refused"},
      {v2_header('\x21', '\x11', v4 + "x"), "refused"},
      {v2_header('\x21', '\x11', v4 + "\x01\0"s), "refused"},
      {v2_header('\x21', '\x11', v4 + "\x01\0\x05"s + "1234"), "refused"},
      {v2_header('\x21', '\x11', v4 + std::string(65535 - 12, 'x')), "refused"},
      {v2_header('\x21', '\x11', v4 + value('\x04', std::string(4096 - 16 - 12 - 3, 'x'))) + "x",
       "192.0.2.1:56324 then x"},
      {v2_header('\x21', '\x11', v4 + value('\x04', std::string(4096 - 16 - 12 - 2, 'x'))),
       "refused"},
      // Checksums.
      {v2_header('\x21', '\x11', v4 + value('\x03', "1234")), "refused"},
      {v2_header('\x21', '\x11', v4 + value('\x03', "123")), "refused"},
  });
  EXPECT_EQ(read_as_asked(checked), "192.0.2.1:56324");
}

// --- networks ------------------------------------------------------------------------------------

TEST(Network, ContainsWhatBeginsAsItDoes) {
  const auto in = [](std::string_view network, std::string_view address) {
    return net::network::parse(network).contains(net::address::parse(address));
  };
  EXPECT_TRUE(in("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(in("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(in("192.168.0.128/25", "192.168.0.129"));
  EXPECT_FALSE(in("192.168.0.128/25", "192.168.0.127"));
  EXPECT_TRUE(in("0.0.0.0/0", "1.2.3.4"));
  EXPECT_FALSE(in("0.0.0.0/0", "::1"));
  EXPECT_TRUE(in("127.0.0.1", "127.0.0.1"));
  EXPECT_FALSE(in("127.0.0.1", "127.0.0.2"));
  EXPECT_TRUE(in("2001:db8::/32", "2001:db8:1::1"));
  EXPECT_FALSE(in("2001:db8::/32", "2001:db9::1"));
  EXPECT_TRUE(in("::1", "::1"));
  EXPECT_TRUE(in("::/0", "::1"));
  EXPECT_FALSE(in("::/0", "1.2.3.4"));
  EXPECT_TRUE(in("10.0.0.0/8", "::ffff:10.0.0.1"));  // as a listener of both families names it
  EXPECT_TRUE(in("::ffff:0:0/96", "::ffff:10.0.0.1"));
  EXPECT_EQ(net::network::parse("10.0.0.0/8").to_string(), "10.0.0.0/8");
  EXPECT_EQ(net::network::parse("::1").to_string(), "::1/128");
}

TEST(Network, RefusesWhatIsNone) {
  for (const char* bad : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0/8",
                          "10.0.0.1/8", "10.0.0.0/8/8", "10.0.0.0/ 8", "2001:db8::1/32",
                          "fe80::1%1/64", "10.128.0.0/8", "a.test"}) {
    try {
      net::network::parse(bad);
      ADD_FAILURE() << bad;
    } catch (const std::invalid_argument& e) {
      EXPECT_NE(std::string_view(e.what()).find('"' + std::string(bad) + '"'),
                std::string_view::npos)
          << e.what();
    }
  }
}

// --- forwarded -----------------------------------------------------------------------------------

std::string shown(const http::detail::forwarded_nodes& nodes) {
  std::string all;
  for (const auto& n : nodes) all += (n ? n->to_string() : "?"s) + " ";
  return all;
}

TEST(Forwarded, IsReadAsItsStandardHasIt) {
  const auto read = [](std::string_view v) { return shown(http::detail::read_forwarded(v)); };
  EXPECT_EQ(read("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60:0 ");
  EXPECT_EQ(read("for=192.0.2.43, For=\"[2001:db8:cafe::17]\""),
            "192.0.2.43:0 [2001:db8:cafe::17]:0 ");
  EXPECT_EQ(read("For=\"[2001:db8:cafe::17]:4711\""), "[2001:db8:cafe::17]:4711 ");
  EXPECT_EQ(read("for=\"192.0.2.1:80\""), "192.0.2.1:80 ");
  EXPECT_EQ(read("for=\"192.0.2.1:_x\""), "192.0.2.1:0 ");
  EXPECT_EQ(read("for=unknown, for=_hidden, proto=https"), "? ? ? ");
  EXPECT_EQ(read("proto=https;for=1.2.3.4;host=\"a,b;for=9.9.9.9\""), "1.2.3.4:0 ");
  EXPECT_EQ(read("for=\"1.2\\.3.4\""), "1.2.3.4:0 ");
  EXPECT_EQ(read(" , for=1.2.3.4 ,, for=1.2.3.5 , "), "1.2.3.4:0 1.2.3.5:0 ");
  EXPECT_EQ(read(""), "");
  // What is not as the standard has it says nothing at all.
  for (const char* bad : {"for", "for=", "=1.2.3.4", "for=1.2.3.4 for=1.2.3.5", "for=\"1.2.3.4",
                          "for=1.2.3.4;for=1.2.3.5", "for=1.2.3.4, x", "for =1.2.3.4",
                          "for= 1.2.3.4", "for=[::1]", "for=1.2.3.4;", "for=\"1.2.3.4\\"})
    EXPECT_EQ(read(bad), "") << bad;
}

TEST(Forwarded, NodesAreAddresses) {
  const auto read = [](std::string_view v) { return shown(http::detail::read_x_forwarded_for(v)); };
  EXPECT_EQ(read("192.0.2.1, 10.0.0.1,10.0.0.2"), "192.0.2.1:0 10.0.0.1:0 10.0.0.2:0 ");
  EXPECT_EQ(read("2001:db8::1, [2001:db8::2], [2001:db8::3]:80"),
            "[2001:db8::1]:0 [2001:db8::2]:0 [2001:db8::3]:80 ");
  EXPECT_EQ(read("192.0.2.1:8080"), "192.0.2.1:8080 ");
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read(" , ,"), "");
  for (const char* bad :
       {"unknown", "_x", "1.2.3", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x", "[1.2.3.4]", "[::1",
        "[::1]x", "::1]", "fe80::1%1", "a.test", "1.2.3.04", "\"1.2.3.4\"", "1.2.3.4 1.2.3.5"})
    EXPECT_EQ(read(bad), "? ") << bad;
}

TEST(TrustedProxies, LeadToTheClientAsFarAsTheyAreTrusted) {
  const auto client = [](std::string_view peer, const http::headers& fields,
                         http::forwarding field = http::forwarding::x_forwarded_for) {
    const auto trusted = http::trusted_proxies().from("10.0.0.0/8").from("::1").told_by(field);
    return http::detail::client_behind(net::endpoint::parse(peer), fields, trusted).to_string();
  };
  using fields = http::headers;
  EXPECT_EQ(client("192.0.2.9:5", {}), "192.0.2.9:5");
  EXPECT_EQ(client("10.0.0.1:5", {}), "10.0.0.1:5");
  // Who is not trusted may claim what he likes.
  EXPECT_EQ(client("192.0.2.9:5", fields{{"X-Forwarded-For", "1.2.3.4"}}), "192.0.2.9:5");
  EXPECT_EQ(client("10.0.0.1:5", fields{{"X-Forwarded-For", "1.2.3.4"}}), "1.2.3.4:0");
  EXPECT_EQ(client("[::ffff:10.0.0.1]:5", fields{{"X-Forwarded-For", "1.2.3.4"}}), "1.2.3.4:0");
  // The last entry first; what stands before an address that is not trusted is that one's claim.
  EXPECT_EQ(client("10.0.0.1:5", fields{{"X-Forwarded-For", "6.6.6.6, 1.2.3.4, 10.0.0.2"}}),
            "1.2.3.4:0");
  EXPECT_EQ(client("10.0.0.1:5", fields{{"X-Forwarded-For", "6.6.6.6"},
                                        {"X-Forwarded-For", "1.2.3.4, 10.0.0.2"}}),
            "1.2.3.4:0");
  EXPECT_EQ(client("10.0.0.1:5", fields{{"X-Forwarded-For", "10.0.0.9, 10.0.0.2"}}), "10.0.0.9:0");
  // What cannot be read hides all before it.
  EXPECT_EQ(client("10.0.0.1:5", fields{{"X-Forwarded-For", "1.2.3.4, unknown, 10.0.0.2"}}),
            "10.0.0.2:0");
  EXPECT_EQ(client("10.0.0.1:5", fields{{"X-Forwarded-For", "1.2.3.4, junk"}}), "10.0.0.1:5");
  // Only the field that the proxies write counts.
  EXPECT_EQ(client("10.0.0.1:5", fields{{"Forwarded", "for=1.2.3.4"}}), "10.0.0.1:5");
  EXPECT_EQ(
      client("10.0.0.1:5", fields{{"Forwarded", "for=1.2.3.4"}, {"X-Forwarded-For", "6.6.6.6"}},
             http::forwarding::forwarded),
      "1.2.3.4:0");
  EXPECT_EQ(client("10.0.0.1:5", fields{{"Forwarded", "for=1.2.3.4"}}, http::forwarding::none),
            "10.0.0.1:5");
  EXPECT_EQ(
      client("[::1]:5", fields{{"Forwarded", "for=6.6.6.6, for=\"[2001:db8::1]:9\", for=10.1.1.1"}},
             http::forwarding::forwarded),
      "[2001:db8::1]:9");
  EXPECT_EQ(client("unix:/a", fields{{"X-Forwarded-For", "1.2.3.4"}}), "unix:/a");
  const auto by_socket =
      http::trusted_proxies().from("unix").told_by(http::forwarding::x_forwarded_for);
  EXPECT_EQ(http::detail::client_behind(net::endpoint::parse("unix:/a"),
                                        fields{{"X-Forwarded-For", "1.2.3.4"}}, by_socket)
                .to_string(),
            "1.2.3.4:0");
  EXPECT_THROW(http::trusted_proxies().from("10.0.0.1/8"), std::invalid_argument);
}

}  // namespace
}  // namespace proxy_header_test
