// Every wrapped call: a Failure becomes the language's exception, outside the catch block and with no C++ object alive, because raising
// may be a longjmp. After a run the language raises what its callbacks left (TIDEMILL_RAISE_PARKED).
//
// A language file defines  TIDEMILL_RAISE(error)  (consumes a heap Error*) and  TIDEMILL_RAISE_PARKED(core)  first.
%{
namespace {
tidemill::Error* taken_error(const tidemill::Error& error) { return new tidemill::Error(error); }
}
%}

%exception {
  tidemill::Error* failed = nullptr;
  try {
    $action
  } catch (const tidemill::script::Failure& failure) {
    failed = taken_error(failure.error);
  } catch (const std::exception& exception) {
    failed = taken_error(tidemill::make_error(tidemill::ErrorCode::limit, "$name", {}, exception.what()));
  }
  if (failed != nullptr) TIDEMILL_RAISE(failed);
}

%define TIDEMILL_RUNS_CALLBACKS(function)
%exception function {
  tidemill::Error* failed = nullptr;
  try {
    $action
  } catch (const tidemill::script::Failure& failure) {
    failed = taken_error(failure.error);
  } catch (const std::exception& exception) {
    failed = taken_error(tidemill::make_error(tidemill::ErrorCode::limit, "$name", {}, exception.what()));
  }
  TIDEMILL_RAISE_PARKED(*arg1);
  if (failed != nullptr) TIDEMILL_RAISE(failed);
}
%enddef

TIDEMILL_RUNS_CALLBACKS(tidemill::script::ReactorCore::run)
TIDEMILL_RUNS_CALLBACKS(tidemill::script::ReactorCore::run_once)
TIDEMILL_RUNS_CALLBACKS(tidemill::script::ReactorCore::poll)
