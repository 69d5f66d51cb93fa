// Cookies at script size; bindings/cookies.h says what each does.
namespace tidemill {
namespace script {

class CookieJarCore {
public:
    CookieJarCore(ReactorCore& core);
    ~CookieJarCore();
    bool take(ReactorCore& core, Bytes url, Bytes set_cookie);
    Bytes header(ReactorCore& core, Bytes url);
    Bytes cookies(ReactorCore& core);
    void clear();
};

}
}
