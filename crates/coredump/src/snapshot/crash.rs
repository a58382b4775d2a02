//! How the process ended, in words.

use crate::address::Address;
use crate::crash::repeats::Repeated;
use crate::crash::{Death, fatal_message, signals};
use crate::elf::notes::SignalInfo;
use crate::findings;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::fault_handler::{self, FaultHandler};
use crate::runtime::process::DeadProcess;
use crate::snapshot::document::{CrashSection, NativeFrameSection, RepeatedCallSection, SignalSection};
use crate::snapshot::document::{
    FaulthandlerSection, FaulthandlerTimerSection, FoundBy, NativeExceptionSection,
};
use crate::snapshot::extension;

/// The end of the process as the document has it.
pub(crate) fn section(process: &DeadProcess<'_>, death: &Death) -> CrashSection {
    let core = process.core();
    let Some(signal) = death.signal else {
        return CrashSection { verdict: Some(findings::verdict(death)), ..CrashSection::default() };
    };
    let message = death.abort_message.as_ref();
    CrashSection {
        signal: Some(signal),
        signal_name: signals::name(signal),
        code: death.info.as_ref().map(|info| signals::code_name(signal, info.code)),
        fault_address: death.fault_address(),
        first_signal: death.caught.as_ref().and_then(|caught| caught.info.as_ref()).map(signal_section),
        abort_message: message.map(|message| message.text.clone()),
        abort_message_found_by: message.map(|message| message.found_by),
        abort_message_citation: message.and_then(|message| core.cite(message.address, message.len)),
        fatal_message: None,
        fatal_message_found_by: None,
        fatal_message_citation: None,
        native_exception: death.native_exception.as_ref().map(|found| NativeExceptionSection {
            language: found.language,
            type_name: found.type_name.clone(),
            message: found.message.clone(),
            found_by: found.found_by,
            citation: core.cite(found.address, found.len),
        }),
        faulthandler: None,
        extension: None,
        repeated_call: death.repeated.as_ref().map(repeated_call),
        sender_pid: death.first().and_then(|info| info.sender).map(|(pid, _)| pid),
        sender_uid: death.first().and_then(|info| info.sender).map(|(_, uid)| uid),
        tid: death.tid,
        instruction: instruction(process, death),
        registers: death.registers.named().map(|(name, value)| (name, Address(value))).collect(),
        verdict: Some(findings::verdict(death)),
        citations: death.citations.clone(),
        mappings_citation: core.cite_mappings(),
    }
}

/// Adds what only the interpreter tells.
pub(crate) fn add_python(
    process: &DeadProcess<'_>,
    runtime: Option<&PythonRuntime<'_>>,
    death: &Death,
    section: &mut CrashSection,
) {
    if death.signal == Some(signals::SIGABRT)
        && death.is_own() != Some(false)
        && death.abort_message.is_none()
        && let Some(found) = fatal_message::find(process, runtime, &death.frames, death.tid)
    {
        section.fatal_message_citation = process.core().cite(found.address, found.len);
        section.fatal_message = Some(found.text);
        section.fatal_message_found_by = Some(found.found_by);
    }
    let Some(runtime) = runtime else {
        section.extension = extension::section(None, death);
        return;
    };
    section.extension = extension::section(Some(runtime), death);
    if death.signal.is_some() {
        section.faulthandler = fault_handler::read(runtime, runtime.module_data()).map(faulthandler);
    }
}

fn faulthandler(found: FaultHandler) -> FaulthandlerSection {
    FaulthandlerSection {
        enabled: found.enabled,
        found_by: found.found_by,
        file_descriptor: found.fd,
        all_threads: found.all_threads,
        timer: found.later.map(|later| FaulthandlerTimerSection {
            timeout_us: later.microseconds,
            repeat: later.repeat,
            exit: later.exit,
            file_descriptor: later.fd,
        }),
    }
}

fn repeated_call(found: &Repeated) -> RepeatedCallSection {
    RepeatedCallSection {
        call: NativeFrameSection {
            module: found.place.module.clone(),
            build_id: found.place.build_id.clone(),
            offset: found.place.offset,
            function: found.place.function.clone(),
            address: Some(found.place.address),
            found_by: FoundBy::Scan,
            ..NativeFrameSection::default()
        },
        times: found.times,
        stack_bytes: found.stack_bytes,
        turn_bytes: found.turn_bytes,
        is_after_call: found.is_after_call,
    }
}

fn signal_section(info: &SignalInfo) -> SignalSection {
    SignalSection {
        signal: info.signal,
        signal_name: signals::name(info.signal),
        code: signals::code_name(info.signal, info.code),
        fault_address: info.fault_address,
        sender_pid: info.sender.map(|(pid, _)| pid),
        citation: info.citation.clone(),
    }
}

/// The instruction that the registers name: its module is known without the module's file.
fn instruction(process: &DeadProcess<'_>, death: &Death) -> Option<NativeFrameSection> {
    let address = death.registers.program_counter()?;
    let module = process.modules().find(|module| module.contains(address));
    let innermost = death.frames.first().filter(|frame| frame.place.address == address);
    Some(NativeFrameSection {
        module: module.map(|module| module.path.clone()).filter(|path| !path.is_empty()),
        build_id: module.and_then(|module| module.build_id.as_ref()).map(ToString::to_string),
        offset: module.and_then(|module| module.bias).map(|bias| Address(bias.remove(address))),
        function: innermost.and_then(|frame| frame.place.function.clone()),
        address: Some(address),
        found_by: FoundBy::Registers,
        ..NativeFrameSection::default()
    })
}
