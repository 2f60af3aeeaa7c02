//! `--on`: where networks run.

use std::path::PathBuf;

use clap::Args;
use pfp_compiler::error::Error;
use pfp_evaluate::device::{Device, Host};

use super::Ui;
use crate::board::{
    device::BoardDevice,
    file::{Board, Boards},
};

/// The machine that a network is compiled for and runs on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Board")]
pub struct DeviceArgs {
    /// Compile for this board and run on it, over ssh; `pfp board add` names one
    #[arg(long, value_name = "BOARD")]
    pub on: Option<String>,

    /// The file of the boards [default: $PFP_BOARDS, else ~/.config/pfp/boards.toml]
    #[arg(long, value_name = "FILE", requires = "on")]
    pub boards: Option<PathBuf>,
}

impl DeviceArgs {
    /// The table of the board, where one is named.
    pub fn board(&self) -> Result<Option<Board>, Error> {
        let find = |name: &String| Ok(Boards::read(self.boards.as_deref())?.find(name)?.clone());
        self.on.as_ref().map(find).transpose()
    }

    /// The connection to the board, where one is named; calls run on these CPUs of it.
    pub fn connect(&self, cpus: &[usize], ui: &Ui) -> Result<Option<BoardDevice>, Error> {
        let Some(board) = self.board()? else { return Ok(None) };
        ui.stage(&format!("connecting to {}", board.host));
        BoardDevice::open(&board, cpus, ui.teller()).map(Some)
    }

    /// The board, else this machine.
    pub fn open(&self, ui: &Ui) -> Result<Box<dyn Device>, Error> {
        Ok(match self.connect(&[], ui)? {
            Some(board) => Box::new(board),
            None => Box::new(Host::new(Vec::new())?),
        })
    }
}
