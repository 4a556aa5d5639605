#include <rondo/net/address.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace {

using rondo::net::address;

TEST(Address, IsTheUnspecifiedOneByDefault) {
  const address a;
  EXPECT_TRUE(a.is_v4());
  EXPECT_TRUE(a.is_unspecified());
  EXPECT_EQ(a.to_string(), "0.0.0.0");
}

TEST(Address, KeepsTheTextOfIpv4) {
  for (const char* text : {"0.0.0.0", "127.0.0.1", "255.255.255.255", "10.0.0.1", "192.168.1.200"})
    EXPECT_EQ(address::parse(text).to_string(), text);
}

// RFC 5952, section 4, and the examples of its section 1.
TEST(Address, WritesIpv6InItsCanonicalForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"::", "::"},
      {"::1", "::1"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:0db8::0001", "2001:db8::1"},
      {"2001:DB8::1", "2001:db8::1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"fe80::1%4000000", "fe80::1%4000000"},
  };
  for (const auto& [text, canonical] : cases)
    EXPECT_EQ(address::parse(text).to_string(), canonical) << text;
}

TEST(Address, TakesAZoneByNameOrNumber) {
  const address by_name = address::parse("fe80::1%lo");
  const address by_number = address::parse("fe80::1%" + std::to_string(by_name.zone()));
  EXPECT_NE(by_name.zone(), 0U);
  EXPECT_EQ(by_name, by_number);
  EXPECT_NE(by_name, address::parse("fe80::1"));
}

TEST(Address, RefusesWhatIsNone) {
  for (const char* text : {"",
                           " ",
                           "localhost",
                           "127.0.0",
                           "127.0.0.1.",
                           "127.0.0.256",
                           "127.0.0.1 ",
                           " 127.0.0.1",
                           "0x7f.0.0.1",
                           "127.0.0.01",
                           "1",
                           "::1::",
                           ":::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "g::",
                           "[::1]",
                           "::1%",
                           "fe80::1%no-such-interface",
                           "127.0.0.1%lo",
                           "12345::"}) {
    address out = address::loopback_v6();
    EXPECT_FALSE(address::try_parse(text, out)) << text;
    EXPECT_THROW(address::parse(text), std::invalid_argument) << text;
  }
  address out;
  EXPECT_FALSE(address::try_parse(std::string_view("127.0.0.1\0", 10), out));
  EXPECT_FALSE(address::try_parse(std::string(100'000, '1'), out));
}

TEST(Address, QuotesWhatItRefuses) {
  try {
    address::parse("not-an-address");
    FAIL() << "it was taken";
  } catch (const std::invalid_argument& e) {
    EXPECT_NE(std::string(e.what()).find("\"not-an-address\""), std::string::npos) << e.what();
  }
}

TEST(Address, KnowsLoopback) {
  EXPECT_TRUE(address::loopback_v4().is_loopback());
  EXPECT_TRUE(address::loopback_v6().is_loopback());
  EXPECT_TRUE(address::parse("127.255.0.3").is_loopback());
  EXPECT_FALSE(address::parse("128.0.0.1").is_loopback());
  EXPECT_FALSE(address::parse("::2").is_loopback());
  EXPECT_FALSE(address::parse("::").is_loopback());
}

TEST(Address, OrdersIpv4BeforeIpv6AndByBytes) {
  EXPECT_LT(address::parse("1.2.3.4"), address::parse("1.2.3.5"));
  EXPECT_LT(address::parse("9.0.0.0"), address::parse("10.0.0.0"));
  EXPECT_LT(address::parse("255.255.255.255"), address::parse("::"));
  EXPECT_EQ(address::parse("127.0.0.1"), address::v4(127, 0, 0, 1));
}

}  // namespace
