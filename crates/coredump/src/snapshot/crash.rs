//! How the process ended, in words.

use crate::address::Address;
use crate::crash::{Death, signals};
use crate::elf::notes::SignalInfo;
use crate::findings;
use crate::runtime::process::DeadProcess;
use crate::snapshot::document::FoundBy;
use crate::snapshot::document::{CrashSection, NativeFrameSection, SignalSection};

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
        sender_pid: death.first().and_then(|info| info.sender).map(|(pid, _)| pid),
        sender_uid: death.first().and_then(|info| info.sender).map(|(_, uid)| uid),
        tid: death.tid,
        instruction: instruction(process, death),
        registers: death.registers.named().map(|(name, value)| (name, Address(value))).collect(),
        verdict: Some(findings::verdict(death)),
        citations: death.citations.clone(),
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
    Some(NativeFrameSection {
        module: module.map(|module| module.path.clone()).filter(|path| !path.is_empty()),
        build_id: module.and_then(|module| module.build_id.as_ref()).map(ToString::to_string),
        offset: module.and_then(|module| module.bias).map(|bias| Address(bias.remove(address))),
        address: Some(address),
        found_by: FoundBy::Registers,
        ..NativeFrameSection::default()
    })
}
