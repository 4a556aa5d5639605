// Written by httpbin_images.py, which draws them.
#include "httpbin_images.hpp"

#include <rondo/http/parts/base64.hpp>

namespace rondo::tools {
namespace {

constexpr std::string_view svg = R"(<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">
<rect width="64" height="64" fill="#1d3557"/>
<path d="M48.4 43.5A20 20 0 1 1 48.4 20.5" fill="none" stroke="#f1faee" stroke-width="5"/>
<polygon points="41.8,25.1 54.9,15.9 52.0,31.0" fill="#f1faee"/>
<circle cx="32" cy="52" r="6" fill="#e63946"/>
<circle cx="12" cy="32" r="6" fill="#a8dadc"/>
<circle cx="32" cy="12" r="6" fill="#ffb703"/>
</svg>
)";

// 1053 bytes.
constexpr std::string_view png =
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAMAAACdt4HsAAAAYFBMVEX///n7//b4/fT1/O/x+u7v+e3t9+vs8N/D4uCo"
    "2tz/vQH/twOyyMDfsz6nk29nfI1FWXHoPkroOUZpP1QiOlpPOFQgOFkfN1geNlgvNVUdNVcXNVcrMlMVLlIQKlAMJUwo"
    "J4P6AAADeElEQVR42tWX6ZLqKhCAgayOjKAyQMI0vP9bnu5oFjW4ZP7cS5VVlkl/9t4N6/942H8e4P2fAM6H4N1mgOtj"
    "6LoQe7cN4II9f+/332cb3BaAC93+62tPn+4JIQuw3uxRnM7X3nj7IcB6SIerPBIOCfCn9wG2j6DVfnGk7lNv3wR4F3sl"
    "RbMENLxVJq5FlK39vWoZL28BpWCNArCvASYayURdlfUSUJdVLZjEh68ANuqWoXhVse9Z/ptVhGCNTvaSYjmAjaoW+G7F"
    "hVRzGJUsWYVKCaEiEgz0Zh1gohYFvlhwqSH9jIn0k0BLQeCSqWRc0nIdYEHXJM8bFcEZ6A6kwKED4yCRaUgQKoESMtoV"
    "gO9NK1AenZWso2QG23UWKJGdJeciQTRaMtRjDWAjvYLyHsxYjyGMHjMBBkIheM3VmgboQHqBSx/mcDu3qG6QnOKDf6LB"
    "rfkADaiKxkCmcgwAmYhmtH4ljKMC6OacvFd1iQeNnCxYADwpWPPFs7tDcSgugNmHMwBDKNA+oXMGOFWIQQHS8lEDb5Pi"
    "dcUk5JqPkTXHbBxUmH04Ajz0aoenznqATJAYwerWh1cABl62BNhJnVXBAhVaUd/4cDLhKo/H9LlZgtkYVMMwjdIdACM4"
    "ybcqGwZqlclgYap7DTCCu+nIp5PIkiuWZrJLEe0WR8Ozeegt3Dz/GHBTHpMJ/cKEnfl8vN850X0MQBvk7nUYn0wmB3rX"
    "jh5wn5tABKMuBqTPXDBlouuTFJSlYDfuSFjOnCptowljR0MVntpgXR6ADWFo2zpmCR7Hvs0CMJYNNlXRmtxC43svdbpN"
    "xMe2Tn5cX8u8SzgYcMa7nA8cXAcLjINhOViwDukxk/qhmGaAaYphtOEc86RyCL+/iKDvOBSGwVTx2zixu+UAOzMSWp3A"
    "2tCfT3jOuDDagG2ADTvCsh09jneMRDnsAVLH2J2up4vJqIqvya8sGKIY9oBa6tN0tGwITOvBfa0+rDhJ1dS7yVun40X8"
    "eDpgM8ahykuVnH+5ZKGx9Hp5nDU4kvYFuca+seYBYO8WVbMAnJqywBRwYN5ZNB32btwUixsAazAJ13bV9VU3IEIuTZDK"
    "YGD928s2LucxnWfAOcWPlu0B4d0M6HLizy4cPkyJ9LPlwkFb3u8llbttVx7SIbiucyFsvHTdlfPWm+vfLp7/i8v3P9B9"
    "Z1HQcN9jAAAAAElFTkSuQmCC";

// 1222 bytes.
constexpr std::string_view jpeg =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAoHBwgHBgoICAgLCgoLDhgQDg0NDh0VFhEYIx8lJCIfIiEmKzcvJik0KSEi"
    "MEExNDk7Pj4+JS5ESUM8SDc9Pjv/2wBDAQoLCw4NDhwQEBw7KCIoOzs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7"
    "Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozv/wAARCABAAEADASIAAhEBAxEB/8QAGgAAAwEBAQEAAAAAAAAAAAAAAAYHBAMBAv/E"
    "AC8QAAEDAwEGBAYDAQAAAAAAAAECAwQABRExBgcSIVFxMkFhkRMiIzOB0RVCUrH/xAAZAQACAwEAAAAAAAAAAAAAAAAA"
    "AgEEBQP/xAAiEQABBAICAgMBAAAAAAAAAAABAAIDEQQSBSETYSJRgTH/2gAMAwEAAhEDEQA/AEGiiitFU0VqgWybc3C3"
    "CjLeKfERyCe5PIU2bLbtJ17aRNuLioMNYygcOXXB1APhHqfanBmzQLCV2+35+EhWSVL4lFRAzxHr6Vk8pyJw4d2Czdev"
    "1XMTG879XGgpHPtk22OBubGWyVeEnmFdiORrLVmes8C+luBcftOKyCF8CgoA44T19KUdqd2U6zMrm21xU6IgZWgpw62O"
    "pA8Q7e1RxfInMh3eKN16/EZWN4H6tNhI9FFFa6pop23abLN3u5ruM1sLhwlDCFDIcc1APUAcz+KVLTbnLtdI8BpQSp5e"
    "OI/1GpPsDVmssJFgtP8AHQHFob+YlasFRUrVXf8AVcpCaoI2DT2lbeBt/IVLes1mfLTTRKJEhs4UtXmlJ8gNCRr/ANQo"
    "F1n2t1TkOStpS/GNQruDrXt4trtou0iC6v4imleP/YPMH8g1jo8UbmaOFg/aYPdewK13C6zro6lybJW6UeEaBPYDSqNu"
    "y2qvM6SbTLbemxm05TKPMsdApXmD5ef40l1NWym31w2ZQIhaRKgcRUWSAlSSdSlX7z+KUxNbHoxoA+v4pDyXW4p12y2f"
    "smz+z14u0SGhEuYA2lR5hsrICuAf1yMnlUgqibwdsbbtDs5BZtr5UVyCt5pY4Vt8KeQI7q1HLlU7pogQ3tD6vpbLRcXL"
    "TdY89tIWpleSknHENCPYmrLZ5qL7av5G3trca+YFJwFBSdU46/uodTxuy2pbs1yXbZrgREmqBStRwG3dAT0BHLuBRIDV"
    "hJqHHtKl5uTl3u0ie4j4ZeVyR/kAYA9hWKqLvA2BktTHrzZ2FOsOkrkR2xlTavNSR5pOuBp2qfMR3pKyllsrI1x5d6Zr"
    "2ltpxG4u1aLK50V0fjPRlBLzZQTpnzp42N3bv3ZJm3tt6NEUk/CaHyuOE6K9ANeevagvaBdoMbmu1cKKQ6K33yBGtd5k"
    "wYk1M1llfCHkpxnqO40yOVYKYG0iKKKKlCeNld5s2zNIhXNtc6IgYQsK+q2OmT4h35+tdr1d4V8ur0+3/YWEgZb4FZA5"
    "8Q65zzpBroxJejKKmXCgnXoaqz44kHx6K0ePzBizbvFiqTzZ7rCsl1Ynz/sN8Wfp8ZyQcYHXOK+Nqd50y7srhWptcGKs"
    "YW4VfVcHTI8I7c/Wkp+U/JUC84V40HkK5UQY4jHy7Knkc0ZU27BQqvaKKKKtLNX/2Q==";

// 692 bytes.
constexpr std::string_view webp =
    "UklGRqwCAABXRUJQVlA4IKACAADQDgCdASpAAEAAPq1GnEmmI6KhMBn9+MAViWwAtRwTjilFjesApFW3s8WDp4/T/3wD"
    "pZ/KAzTt9A7AgyNVFM98dH097Au6OrJ9vd7IOBessXMydzN3MzKS9ADJfP2oVggu53D4rA0sXYlN3nHnDdNZRX+FgmH3"
    "aOvIhNT/FGQAAP72E1+3hsb9ZdbaWqjvDakJFycC6LU82scH4eaNwOb3fruVbZs+N8r3CwYM65hkVxCb0UIOhTO1d8q/"
    "Lav3c8Ee4+HjyboDeJ2cMWbV1ZBSeEt5r5OoWqWYRix/r9A6rAvPfTtrB/V2dsU/xw03NWWEHuxVngrtm8CvF7Sk824W"
    "JWINrK/BXoSlOrnlvNgEqlqHEMSL4A+R5VaMj5P/L/cbMy6sKrl0VgIv+Q/SQJWp7gn3lHzD1IhE9p5vdkZ6gria2dVW"
    "j4ZFg6y3m0VaYQhJslKTLoys5zEM5paUOD2Oitc5srpjuxzL3iJrjgep46B/DW5YzoWU8pABf2xlsF2jPbu9tVJKXYRi"
    "GTgl7KQf56N8SmjX24KuZrjuBgHv3ck/gWg9+KTmekg3cxMRaLKg/P9DQ1BXrsavy3ZOTyWfh2cv2ieqhD//HfMN6svN"
    "qvVTa4wz5i2L5T20cwDpylMHnT/fTGoi9s3AZdA57fgXD9bVa2UEvXrCL1da4dW7Kmycfr1WUfT37fqdS4r9juhpxEDg"
    "uscaRhVMBVv+SPMZsXAwaDDQ8KyDCa2ho0ZFmpqcW3wXTr6Q9U4xvEc3NKYF2LuyD5Ky5xsOPGWTnphnVOjnbJm/RLGJ"
    "fRBeWGHE1Zl45KEYya+9g30mXAW7LDgNBMnTWIYaFBiyFMF3voNTReJy78DXq+yYlj60kjv7hj7S97V67CNcHjuGgmlM"
    "AAA=";

}  // namespace

std::string image_of_type(std::string_view type) {
  if (type == "image/svg+xml") return std::string(svg);
  const std::string_view text = type == "image/png" ? png : type == "image/webp" ? webp : jpeg;
  return http::detail::from_base64(text).value();
}

}  // namespace rondo::tools
