// Prints what stands at a URL, http or https.
#include <curl/curl.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  CURL* const easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
  const CURLcode code = curl_easy_perform(easy);
  curl_easy_cleanup(easy);
  return code == CURLE_OK ? 0 : 1;
}
